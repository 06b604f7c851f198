package batch

import "time"

// Mode is a delivery mode: which of "save result" and "save offset" comes first, and whether they share a transaction.
type Mode uint8

// The delivery modes.
const (
	ExactlyOnce Mode = iota
	AtLeastOnce
	AtMostOnce
)

func (m Mode) String() string { return [...]string{"exactly-once", "at-least-once", "at-most-once"}[m] }

// ParseMode reads a mode as the pipeline file and the environment write it.
func ParseMode(s string) (Mode, bool) {
	for _, m := range []Mode{ExactlyOnce, AtLeastOnce, AtMostOnce} {
		if m.String() == s {
			return m, true
		}
	}
	return 0, false
}

// Step is one step of making a batch durable.
type Step uint8

// The steps. Result is the sinks' rows, the state deltas, the dead letters and the late rows; Offsets is the partitions' positions and
// the journal row.
const (
	Begin Step = iota
	Fence
	SaveResult
	SaveOffset
	Commit
)

// Order is the whole difference between the delivery modes: the steps that make one batch durable, in order.
// Every transaction begins with the fence (spec rule 8).
func Order(m Mode) []Step {
	switch m {
	case AtLeastOnce:
		return []Step{Begin, Fence, SaveResult, Commit, Begin, Fence, SaveOffset, Commit}
	case AtMostOnce:
		return []Step{Begin, Fence, SaveOffset, Commit, Begin, Fence, SaveResult, Commit}
	default:
		return []Step{Begin, Fence, SaveResult, SaveOffset, Commit}
	}
}

// Moved is a partition that a batch moves: the fence compares Held, then writes the commit id in its place.
type Moved struct {
	Range
	LeaderEpoch int32 // of the last record read, or -1
	Watermark   int64 // microseconds after the batch; NoWatermark if none
	Held        Token
}

// Touched is a shard whose state a batch changes. Delta may be empty where only the fence is needed (a batch without input).
type Touched struct {
	Shard int
	Seq   int64 // the delta's number: the head's plus one
	Prev  Token // the head's commit id; zero if there is no head
	Held  Token
	Delta []byte // compressed; see docs/FORMATS.md
}

// Counts says where the records of a batch went. In = the sum of the others for pipelines with one stream a source.
type Counts struct {
	In       int64 // records read
	Filtered int64
	Late     int64
	Dead     int64
	Rows     int64 // rows given to sinks
	Bytes    int64 // of keys and values read
}

// Timings of a batch, for the journal and the metrics.
type Timings struct {
	Opened  time.Time // when its first record was asked for
	Cut     time.Time
	Compute time.Duration
}

// Batch is a finished batch: all that its commit writes, except the sinks' rows, which the committer is given apart.
type Batch struct {
	ID         Token // the commit id
	Time       int64 // batch time, microseconds
	Watermark  int64 // of the pipeline after the batch, microseconds
	Partitions []Moved
	Shards     []Touched
	Dead       []DeadLetter
	Late       []LateRow
	Counts     Counts
	Timings    Timings
}
