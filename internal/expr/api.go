package expr

import (
	"fmt"

	"github.com/millrace/millrace/internal/row"
)

// Env is what one evaluation sees. It belongs to one goroutine.
type Env struct {
	Row       []row.Value // by slot
	BatchTime int64       // microseconds since 1970; what now() and _batch_time give
	Err       error       // the first error since it was cleared; what the closures return then means nothing
	Scratch   row.Arena   // for strings made on the way; reset by whoever moves to the next record
}

// Fail keeps the first error of an evaluation.
func (e *Env) Fail(err error) {
	if e.Err == nil {
		e.Err = err
	}
}

// Expr is a compiled expression. Of the typed closures those are set that fit Type's representation: Bool for boolean,
// Int for the other RepInt types, Float, Text, Ref. Value is always set. The second result tells NULL.
type Expr struct {
	Source   string   // as written
	Type     row.Type // never row.Unknown: an untyped literal or NULL has become text
	Slots    []int    // the slots it reads, sorted, each once
	Fallible bool     // whether evaluating it can set Env.Err
	Const    bool     // whether it reads neither slots nor the batch time

	Bool  func(*Env) (v, null bool)
	Int   func(*Env) (v int64, null bool)
	Float func(*Env) (v float64, null bool)
	Text  func(*Env) (v string, null bool)
	Ref   func(*Env) (v any, null bool)
	Value func(*Env) row.Value

	// Each is set for arrays whose elements can be made one by one without building the array (regexp_split_to_array,
	// string_to_array): it calls emit for every element in order. flatMap uses it. It reports a NULL array by true.
	Each func(e *Env, emit func(row.Value)) (null bool)
}

// Scope is what names mean. Columns are slots by index.
type Scope struct {
	Columns []row.Column
}

// Error is an error of an expression's source.
type Error struct {
	Pos  int    // byte offset in the source
	End  int    // byte offset after the last byte it is about; at least Pos
	Msg  string // what is wrong, in Postgres's words where it has some
	Cure string // what to write instead; may be empty
}

func (e *Error) Error() string {
	if e.Cure == "" {
		return fmt.Sprintf("at byte %d: %s", e.Pos, e.Msg)
	}
	return fmt.Sprintf("at byte %d: %s; %s", e.Pos, e.Msg, e.Cure)
}

// AggFunc names an aggregate function.
type AggFunc uint8

// The aggregate functions.
const (
	CountStar AggFunc = iota // count(*)
	Count                    // count(x): rows where x is not NULL
	Sum
	Min
	Max
	Avg
)

// Agg is one call of an aggregate. Arg is nil for count(*); Filter is nil unless FILTER (WHERE …) was given. Type is the
// result's type by Postgres's rules: count bigint; sum of smallint or integer bigint, of bigint numeric, of numeric numeric, of double
// precision double precision; avg of integers and numeric numeric, of double precision double precision; min and max as Arg.
type Agg struct {
	Func   AggFunc
	Arg    *Expr
	Filter *Expr
	Type   row.Type
}

// Aggregation is a list of value expressions over aggregates, compiled together so that equal calls are computed once.
// Results[i] is evaluated over a row that holds the keys, then (updateStateByKey with state) the old state, then one slot an Agg.
type Aggregation struct {
	Aggs    []Agg
	Results []*Expr
}

// Named is a value that is to be compiled: `name: source`.
type Named struct {
	Name   string
	Source string
}
