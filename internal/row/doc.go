// Package row holds the values that flow through a pipeline: Postgres types, one flat slot per column, and the encodings that
// keys and state need. It knows no file, no Kafka and no Postgres connection.
//
//	R1  a Value is meaningful only together with the Type of its column; nothing in it tells its type.
//	R2  a string in a Value may point into a record's bytes or into a scratch arena. It is valid until the next record is
//	    decoded; whoever keeps it longer clones it (Clone).
//	R3  key encodings are injective, and equal for values that Postgres's GROUP BY takes as equal (-0 and 0, 1.0 and 1.00).
package row
