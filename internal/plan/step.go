package plan

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/row"
)

// Step is one operator of a stream: *Filter, *Map, *FlatMap, *Keyed or *Transform.
type Step interface {
	Out() []row.Column // the schema of what it emits
	Kind() string      // the operator's name in the pipeline file
}

// Filter lets rows pass for which Cond is true (not NULL).
type Filter struct {
	Cond    *expr.Expr
	Columns []row.Column
}

// Map makes a new row of Exprs (map), or appends them to the row (extend: Keep is true and Columns are the old ones, then the new; an
// extended column with an old name replaces it and Keep is false then).
type Map struct {
	Keep    bool
	Exprs   []*expr.Expr // with Keep: only the added ones
	Columns []row.Column
}

// FlatMap gives one row for each element of an array: the row with the element appended. A NULL or empty array gives none.
type FlatMap struct {
	Array   *expr.Expr
	Columns []row.Column // the old ones, then the element
}

// Emit says when a keyed operator emits a key's row.
type Emit uint8

// The kinds of emission.
const (
	EmitClose   Emit = iota // once, when the watermark has passed the window's end plus lateness
	EmitUpdate              // each batch that changed it
	EmitChanged             // updateStateByKey: the keys that the batch changed
	EmitAll                 // updateStateByKey: every key, every batch
)

// KeyedKind names a keyed operator.
type KeyedKind uint8

// The keyed operators.
const (
	ReduceByKey      KeyedKind = iota // per batch, no state
	UpdateStateByKey                  // one state a key for ever
	EventWindow                       // reduceByKeyAndWindow {tumbling}: event time
	BatchWindow                       // reduceByKeyAndWindow {length, slide}: batch time
)

// Keyed groups rows by key and aggregates them. It emits window_start and window_end (timestamptz) first if it is an EventWindow, then the
// keys, then the values.
type Keyed struct {
	Op       KeyedKind
	ID       string // P2: "stream.operator", with ":2" where a stream has several of a kind
	Keys     []row.Column
	KeyExprs []*expr.Expr
	Agg      *expr.Aggregation
	Values   []row.Column // one an Agg.Results
	State    []row.Column // updateStateByKey with state + update: Values are the new state; nil: the state is the aggregates
	Emit     Emit
	Tumbling time.Duration // EventWindow
	Lateness time.Duration // EventWindow
	Length   time.Duration // BatchWindow: a multiple of the interval
	Slide    time.Duration // BatchWindow: a multiple of the interval
	Columns  []row.Column
}

// Transform sorts a batch's rows, of all partitions, and keeps the first Limit of them.
type Transform struct {
	SortBy  []Order
	Limit   int // 0: all
	Columns []row.Column
}

// Order is one term of a sort: nulls are last ascending and first descending, as in Postgres.
type Order struct {
	Slot int
	Desc bool
}

// Out returns the rows' schema, which a filter leaves as it is.
func (s *Filter) Out() []row.Column { return s.Columns }

// Out returns the schema of what it emits.
func (s *Map) Out() []row.Column { return s.Columns }

// Out returns the schema of what it emits.
func (s *FlatMap) Out() []row.Column { return s.Columns }

// Out returns the schema of what it emits.
func (s *Keyed) Out() []row.Column { return s.Columns }

// Out returns the rows' schema, which a transform leaves as it is.
func (s *Transform) Out() []row.Column { return s.Columns }

// Kind is filter.
func (s *Filter) Kind() string { return "filter" }

// Kind is map or extend.
func (s *Map) Kind() string {
	if s.Keep {
		return "extend"
	}
	return "map"
}

// Kind is flatMap.
func (s *FlatMap) Kind() string { return "flatMap" }

// Kind is transform.
func (s *Transform) Kind() string { return "transform" }

// Kind is the operator's name in the pipeline file: both windows are reduceByKeyAndWindow.
func (s *Keyed) Kind() string {
	return [...]string{"reduceByKey", "updateStateByKey", "reduceByKeyAndWindow", "reduceByKeyAndWindow"}[s.Op]
}

// Stateful tells whether the operator keeps state between batches.
func (s *Keyed) Stateful() bool { return s.Op != ReduceByKey }

// StateID is the operator's number in state keys: a hash of ID, checked to be unique in a pipeline when the plan is built.
func (s *Keyed) StateID() uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.ID)) // a hash never fails
	return h.Sum32()
}

// Signature says in words what the operator's state is; state kept under another signature does not fit.
func (s *Keyed) Signature() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s key(%s)", s.Kind(), types(s.Keys))
	switch s.Op {
	case EventWindow:
		fmt.Fprintf(&b, " tumbling(%s)", s.Tumbling)
	case BatchWindow:
		fmt.Fprintf(&b, " length(%s) slide(%s)", s.Length, s.Slide)
	}
	if s.State != nil {
		fmt.Fprintf(&b, " state(%s)", types(s.State))
		return b.String()
	}
	for _, a := range s.Agg.Aggs {
		fmt.Fprintf(&b, " %s", aggSignature(a))
	}
	return b.String()
}

func aggSignature(a expr.Agg) string {
	name := [...]string{"count(*)", "count", "sum", "min", "max", "avg"}[a.Func]
	if a.Arg != nil {
		name += "(" + a.Arg.Source + ")::" + a.Type.String()
	}
	if a.Filter != nil {
		name += " filter(" + a.Filter.Source + ")"
	}
	return name
}

func types(cols []row.Column) string {
	parts := make([]string, len(cols))
	for i, c := range cols {
		parts[i] = c.Name + " " + c.Type.String()
	}
	return strings.Join(parts, ", ")
}
