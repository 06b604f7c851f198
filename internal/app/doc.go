// Package app puts a pipeline together and runs it: it opens what the environment names, drives the batch machine's steps against Kafka, the
// engine, the ledger and the store, and tells people how it goes. It decides nothing about a batch: batch.Machine does.
//
//	W1  nothing starts before everything that an operator can get wrong has been checked; what is refused is refused with all its reasons.
//	W2  one goroutine drives the machine; all others bring it events and never touch what it owns.
//	W3  a batch's buffers are released only when its commit has ended, in success or by Forget.
package app
