package engine

import (
	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/operators"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// Decoder turns a record's value into the fields of a source's row. It is used by one goroutine.
type Decoder interface {
	Decode(value []byte, out []row.Value, scratch *row.Arena) error
}

// Buffer takes a sink's rows of one lane and batch.
type Buffer interface {
	// Add takes a row, and keeps nothing that it points to. An error is about this row: nothing of it stays.
	Add(values []row.Value) error
	// Len is how many rows it holds; Truncate takes back all but the first n.
	Len() int
	Truncate(n int)
	Bytes() int64
	Reset()
}

// State is where keyed state is kept: reads see what was applied.
type State interface {
	operators.Reader
	NewDelta(shard int) Delta
}

// Delta is one batch's changes of one shard.
type Delta interface {
	operators.Changes
	// Encode appends the delta as it goes to the ledger.
	Encode(dst []byte) ([]byte, error)
}

// Wiring is what the engine gets from outside.
type Wiring struct {
	Lanes   int
	Memory  int64 // bytes of decoded state held in memory, about
	State   State
	Decoder func(*plan.Source) (Decoder, error)
	Buffer  func(*plan.Sink) Buffer
}

// Result is a computed batch with what its commit and its application need.
type Result struct {
	Batch  *batch.Batch
	Rows   [][]Buffer    // by sink of the plan, by lane
	Deltas map[int]Delta // by shard
	number uint32
	set    *bufferSet
}
