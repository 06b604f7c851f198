// Package stateful keeps keyed state in Pebble: a cache of the ledger, one store an instance, one key range a shard. The ledger decides;
// this package brings a shard to exactly the head that a claim read, applies the deltas that have been committed, and writes down a shard
// as a snapshot. It knows no operator (keys and values are bytes), no Postgres (see Source) and no clock.
//
//	S1  a shard's marker (seq, commit id) is written in the same Pebble batch as the delta, so what is on disk is always some head's state
//	    in full, whatever a crash loses: without a log Pebble keeps a prefix of the batches.
//	S2  no marker, no state: while a snapshot is being loaded its shard has no marker, and a shard without one is dropped before use.
//	S3  a delta is applied only if its seq is the marker's plus one; in a restore also only if its previous id is the marker's id.
//	S4  after Restore a shard's marker is the head that was claimed, or Restore has returned an error.
//	S5  a store that met an error of its disk is dead: it answers ErrStoreDead to everything, never ends the process, and the next Open
//	    starts afresh. Nothing is lost by that.
//	S6  nothing waits for the disk in Apply: no log, no fsync. Pebble syncs what it flushes in the background.
//	S7  only files below the folder "millrace.state" of the state directory are ever deleted.
//
// Bytes are described in docs/FORMATS.md. Order of locks: shard.mu, then Pebble's.
package stateful
