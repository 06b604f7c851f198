package operators

import (
	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// Emit takes one element of a stream.
type Emit[T any] func(T)

// Rows takes one row: it stands in the context's Env.Row, and is valid for the time of the call only.
type Rows = Emit[*Context]

// Context is what the operators of one lane see of the row and of its batch. It belongs to one goroutine.
type Context struct {
	expr.Env
	EventTime int64  // microseconds, of the record the row comes from; meaningless after a wide operator
	Watermark int64  // microseconds, at the start of the batch
	Stage     string // where Env.Err arose, as "late[0].filter"
	Reached   bool   // whether some row of the record reached a sink, a partial or the late rows
	Late      []string
	Staging   bool // OP2: partials stage instead of adding; the engine ends each record by Settle or Drop
	staged    []*Partial
}

// failed notes where the error arose and tells whether there is one.
func (c *Context) failed(stage string) bool {
	if c.Err == nil {
		return false
	}
	if c.Stage == "" {
		c.Stage = stage
	}
	return true
}

// Settle adds what the record has staged.
func (c *Context) Settle() {
	for _, p := range c.staged {
		p.settle()
	}
	c.staged = c.staged[:0]
}

// Drop forgets what the record has staged.
func (c *Context) Drop() {
	for _, p := range c.staged {
		p.drop()
	}
	c.staged = c.staged[:0]
}

// Filter lets rows pass for which cond is true.
func Filter(s *plan.Filter, stage string, next Rows) Rows {
	test := s.Cond.Bool
	return func(c *Context) {
		ok, null := test(&c.Env)
		if ok && !null && c.Err == nil {
			next(c)
			return
		}
		c.failed(stage)
	}
}

// Map makes a new row, or with Keep the old one with columns added.
func Map(s *plan.Map, stage string, next Rows) Rows {
	out := make([]row.Value, len(s.Columns))
	kept := len(s.Columns) - len(s.Exprs)
	return func(c *Context) {
		in := c.Row
		if s.Keep {
			copy(out, in)
		}
		for i, x := range s.Exprs {
			out[kept+i] = x.Value(&c.Env)
		}
		if c.failed(stage) {
			return
		}
		c.Row = out
		next(c)
		c.Row = in
	}
}

// FlatMap gives one row for each element of an array.
func FlatMap(s *plan.FlatMap, stage string, next Rows) Rows {
	out := make([]row.Value, len(s.Columns))
	last := len(out) - 1
	var c *Context // of the row in hand; one chain serves one lane
	emit := func(v row.Value) {
		if c.Err == nil {
			out[last] = v
			c.Row = out
			next(c)
		}
	}
	each := s.Array.Each
	if each == nil {
		each = elements(s.Array)
	}
	return func(ctx *Context) {
		c = ctx
		in := c.Row
		copy(out, in)
		each(&c.Env, emit)
		c.Row = in
		c.failed(stage)
	}
}

// elements walks an array that must be built first.
func elements(array *expr.Expr) func(*expr.Env, func(row.Value)) bool {
	return func(e *expr.Env, emit func(row.Value)) bool {
		v, null := array.Ref(e)
		if null || e.Err != nil {
			return null
		}
		for _, x := range v.([]row.Value) {
			emit(x)
		}
		return false
	}
}

// Tee gives each row to several streams.
func Tee(to []Rows) Rows {
	if len(to) == 1 {
		return to[0]
	}
	return func(c *Context) {
		for _, next := range to {
			next(c)
		}
	}
}
