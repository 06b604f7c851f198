package offsets

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/millrace/millrace/internal/batch"
)

const insertJournal = `INSERT INTO @.batches (pipeline, commit_id, previous_id, previous_hash, hash, instance, epoch, plan_version, delivery,
		batch_time, watermark, ranges, shards, records_in, records_filtered, records_late, records_dead, rows_out, bytes_in,
		opened_at, cut_at, compute)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)`

// Entry is a row of the journal: one commit. Hash is over everything but Timings and CommittedAt, PreviousHash included (L11).
type Entry struct {
	Pipeline     string
	Commit       batch.Token
	Previous     batch.Token // the commit that this one's owner had seen last; zero: the first of the pipeline
	PreviousHash []byte      // its hash
	Hash         []byte
	Instance     string
	Epoch        int64 // of the owner's claim
	PlanVersion  int64
	Delivery     batch.Mode
	Time         int64 // batch time, microseconds
	Watermark    int64 // microseconds
	Ranges       []JournalRange
	Shards       []JournalShard
	Counts       batch.Counts
	Timings      batch.Timings
	CommittedAt  time.Time // by Postgres's clock, just before its COMMIT
}

// JournalRange is what a commit took from one partition, and the token that it replaced in the partition's row: the commit before it there, or
// a claim (table claims).
type JournalRange struct {
	Topic     string      `json:"topic"`
	Partition int32       `json:"partition"`
	From      int64       `json:"from"`
	Until     int64       `json:"until"`
	Replaced  pgtype.UUID `json:"replaced"`
}

// JournalShard is a shard that a commit touched. Seq is 0 where it wrote no delta. With at-most-once, a crash between the halves leaves an
// entry whose deltas were never written.
type JournalShard struct {
	Shard    int         `json:"shard"`
	Seq      int64       `json:"seq"`
	Replaced pgtype.UUID `json:"replaced"`
}

func newEntry(mode batch.Mode, c *Claim, b *batch.Batch) Entry {
	e := Entry{
		Pipeline: c.Pipeline, Commit: b.ID, Previous: c.LastCommit, PreviousHash: slices.Clone(c.LastHash), Instance: c.Instance, Epoch: c.Epoch,
		PlanVersion: c.PlanVersion, Delivery: mode, Time: b.Time, Watermark: micros(timestamp(b.Watermark)), Counts: b.Counts, Timings: b.Timings,
		Ranges: make([]JournalRange, len(b.Partitions)), Shards: make([]JournalShard, len(b.Shards)),
	}
	for i, m := range b.Partitions {
		e.Ranges[i] = JournalRange{m.Partition.Topic, m.Partition.ID, m.From, m.Until, uuid(m.Held)}
	}
	for i, s := range b.Shards {
		e.Shards[i] = JournalShard{Shard: s.Shard, Replaced: uuid(s.Held)}
		if len(s.Delta) > 0 {
			e.Shards[i].Seq = s.Seq
		}
	}
	e.Hash = e.Sum()
	return e
}

// saveOffset queues the journal row; the fence has moved the positions.
func (a *attempt) saveOffset() error {
	if n := int64(len(a.rejected)); n > 0 {
		a.entry.Counts.Dead = a.batch.Counts.Dead + n
		a.entry.Hash = a.entry.Sum()
	}
	e := a.entry
	a.queue.Queue(a.ledger.sql(insertJournal), e.Pipeline, uuid(e.Commit), uuid(e.Previous), e.PreviousHash, e.Hash, e.Instance, e.Epoch,
		e.PlanVersion, e.Delivery.String(), timestamp(e.Time), timestamp(e.Watermark), e.Ranges, e.Shards,
		e.Counts.In, e.Counts.Filtered, e.Counts.Late, e.Counts.Dead, e.Counts.Rows, e.Counts.Bytes,
		moment(e.Timings.Opened), moment(e.Timings.Cut), e.Timings.Compute)
	return nil
}

// journalFormat is the first byte that is hashed; another encoding below needs another one.
const journalFormat = 1

// Sum computes the entry's hash: SHA-256 over the fields in order, numbers as 8 bytes, texts and lists with their length in front.
func (e *Entry) Sum() []byte {
	b := []byte{journalFormat}
	b = bytesTo(b, e.PreviousHash)
	b = append(b, e.Previous[:]...)
	b = append(b, e.Commit[:]...)
	b = bytesTo(b, []byte(e.Pipeline))
	b = bytesTo(b, []byte(e.Instance))
	b = bytesTo(b, []byte(e.Delivery.String()))
	b = numbersTo(b, e.Epoch, e.PlanVersion, e.Time, e.Watermark, int64(len(e.Ranges)))
	for _, r := range e.Ranges {
		b = bytesTo(b, []byte(r.Topic))
		b = numbersTo(b, int64(r.Partition), r.From, r.Until)
		b = append(b, r.Replaced.Bytes[:]...)
	}
	b = numbersTo(b, int64(len(e.Shards)))
	for _, s := range e.Shards {
		b = numbersTo(b, int64(s.Shard), s.Seq)
		b = append(b, s.Replaced.Bytes[:]...)
	}
	c := e.Counts
	b = numbersTo(b, c.In, c.Filtered, c.Late, c.Dead, c.Rows, c.Bytes)
	sum := sha256.Sum256(b)
	return sum[:]
}

func bytesTo(b, v []byte) []byte { return append(numbersTo(b, int64(len(v))), v...) }

func numbersTo(b []byte, ns ...int64) []byte {
	for _, n := range ns {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return b
}
