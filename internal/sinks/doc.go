// Package sinks takes a batch's rows to where they go: tables of Postgres (append, upsert, add) and the console. It encodes a row once, into
// Postgres's binary format of the column that it is for, when the row is made; from then on only bytes are copied. It begins and commits no
// transaction, retries nothing, and does not know what a batch is: the rows of a table travel in the transaction that it is given.
//
//	K1  what a table cannot take is refused when it is opened, all of it at once, with the cure; no pair of types is accepted whose values
//	    could change their meaning on the way.
//	K2  a row that is refused by Add leaves nothing in its buffer, and nothing that Add was given is kept (row.R2).
//	K3  Write is repeatable: it changes neither the buffers nor the writer, so a batch can be written again after a rollback.
//	K4  keyed modes send every key at most once a batch, and keys in one order that all writers of a table share: two writers cannot deadlock
//	    on each other's rows.
//	K5  a key is stored exactly as it is given, or refused: two keys that differ here differ in the table, and the reverse.
//	K6  values never stand in the text of a statement, and names stand there only as the catalog gave them, quoted.
package sinks
