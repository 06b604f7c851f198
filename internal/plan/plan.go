package plan

import (
	"time"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/row"
)

// Pipeline is a checked pipeline with its defaults filled in.
type Pipeline struct {
	Name          string
	Interval      time.Duration
	Delivery      batch.Mode
	Sources       []*Source
	Streams       []*Stream
	Sinks         []*Sink
	SnapshotEvery time.Duration // a multiple of Interval
	Retention     Retention
	Workers       int // goroutines that compute; 0: one a core
	Caps          Caps
	Shards        int // of keyed state; fixed for the life of the pipeline's state
}

// Caps end a batch before its interval does; the first one reached cuts.
type Caps struct {
	MaxRecords int
	MaxBytes   int64 // of records and of the aggregates and rows that they became
}

// Retention says how long rows of the ledger that only people read are kept; zero keeps them.
type Retention struct{ Journal, DeadLetters, LateRows time.Duration }

// OnError says what becomes of a record that cannot be decoded or evaluated, or of a row that the sink refuses.
type OnError uint8

// The policies.
const (
	DeadLetterIt OnError = iota
	Skip
	Stop
)

// Source is one Kafka topic with its format. Slots of its rows are the indexes of Columns.
type Source struct {
	Name      string
	Topic     string
	Start     Start
	Format    Format
	Columns   []row.Column // the format's fields first, then the pseudo columns that are used (_key, _offset, …)
	Fields    []Field      // one a column of the format, same index as in Columns
	Pseudo    []Pseudo     // one a pseudo column, in the order in which they follow the fields
	EventTime *EventTime   // nil: the source has none
	OnError   OnError
}

// StartKind says where a pipeline begins that has no position in the ledger.
type StartKind uint8

// The kinds.
const (
	Earliest StartKind = iota
	Latest
	AtTime
)

// Start is a source's `start:`.
type Start struct {
	Kind StartKind
	Time time.Time // for AtTime
}

// Format is how a record's value is read.
type Format uint8

// The formats.
const (
	JSON  Format = iota
	Text         // one column "value" of type text
	Bytes        // one column "value" of type bytea
)

// Field is a column that the decoder fills.
type Field struct {
	Path     []string // object keys from the root to the value
	Required bool     // missing or null is an error
	Used     bool     // some expression or sink reads it; the others are not decoded
}

// Pseudo is a column filled from the record's envelope.
type Pseudo uint8

// The pseudo columns: _key (bytea), _topic (text), _partition (integer), _offset (bigint), _timestamp (timestamptz). _headers comes later;
// _batch_time is part of the expressions.
const (
	PseudoKey Pseudo = iota
	PseudoTopic
	PseudoPartition
	PseudoOffset
	PseudoTimestamp
)

// EventTime is a source's `event_time:`.
type EventTime struct {
	Expr      *expr.Expr    // timestamptz over the source's columns
	Watermark time.Duration // how far the watermark stays behind the largest event time of a partition
	MaxAhead  time.Duration // how far after the batch time an event time may be; 0: any
	Idle      time.Duration // how long a partition must be caught up and silent until the watermark does not wait for it
}

// Stream is a named sequence of steps over a source or an earlier stream.
type Stream struct {
	Name   string
	Source *Source // or
	From   *Stream // exactly one of the two is set
	Steps  []Step
}

// Columns returns the schema of the stream's rows.
func (s *Stream) Columns() []row.Column {
	switch {
	case len(s.Steps) > 0:
		return s.Steps[len(s.Steps)-1].Out()
	case s.From != nil:
		return s.From.Columns()
	}
	return s.Source.Columns
}

// Sink is an outlet of a source or a stream. Columns are those of what it takes.
type Sink struct {
	Name     string // unique: "postgres:public.counts", "console:counts", with "#2" where needed
	Source   *Source
	Stream   *Stream // exactly one of Source and Stream is set
	Columns  []row.Column
	Postgres *Postgres
	Console  *Console // exactly one of Postgres and Console is set
}

// SinkMode is how a Postgres sink writes a row.
type SinkMode uint8

// The modes.
const (
	Append SinkMode = iota // INSERT
	Upsert                 // by key: insert, or replace the other columns
	Add                    // by key: insert, or add to the other columns
)

// Postgres is a table that rows go to.
type Postgres struct {
	Schema  string // "" was written without a schema: search_path decides, resolved at start
	Table   string
	Mode    SinkMode
	Key     []string // columns; for Upsert and Add
	Columns []int    // the slots that are written, in the order of the row; every one unless `columns` leaves some out
	Create  bool     // make the table if it is not there
	OnError OnError
}

// Console prints rows on standard output after their batch has committed (at-least-once by nature).
type Console struct {
	Limit int // rows a batch; 0: all
}
