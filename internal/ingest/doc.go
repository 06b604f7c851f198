// Package ingest reads Kafka: it opens a connection, resolves start positions to numbers, and turns partitions into chunks of
// committed records. It is the only package that imports franz-go. It commits nothing to Kafka: positions live in the ledger.
//
// It speaks the Fetch protocol itself, on franz-go's connections, and leaves franz-go's own consumer aside. That consumer does not tell
// the position after a run of records (control records and compaction leave gaps; a trailing one would leave a partition short of its end
// for ever), it goes on after a truncation from an offset of its choice, and it spends most of its time on one large struct a record.
//
//	G1  records are delivered once, in offset order, from exactly the position that was asked for: nothing below it, nothing after a halt.
//	G2  chunks of a partition tile: From of each is Next of the one before it, from Consume or Seek on.
//	G3  read_committed always; records of aborted transactions are never delivered, Next passes over them.
//	G4  a position is never moved to suit the log. Where the log and the position do not fit, the partition halts with a *Halt that says
//	    what an operator can do; the other partitions go on.
//	G5  whatever may pass by itself (a broker away, a leader moving, missing rights) is retried for ever and told by Health.
//	G6  what is fetched, buffered and decoded ahead is bounded by Limits; what was handed out is the caller's until it calls Release.
//
// Flow of one partition, all under Consumer.mu except where noted:
//
//	fetcher (one a broker) → segment: raw batches, position after them known from their headers → decoders (outside the lock) →
//	chunks → Poll
//
// Non-obvious: a fetch may be under way when Seek moves a partition. Each partition counts its moves (part.move); an answer, a segment
// and a decoded chunk remember the count they belong to and are dropped if it has changed.
package ingest
