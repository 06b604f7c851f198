package pipeline

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// flow is what is known of the rows between two steps.
type flow struct {
	columns  []column
	source   *plan.Source // whose records they come from
	operator *plan.Keyed  // the last keyed step behind them; nil: none, or a transform
	shuffled bool         // a keyed step or a transform lies behind them: they have no event time and no partition any more
	limited  bool         // a transform has left rows out
	broken   bool         // a step behind them has a problem: what they are is not known, and nothing about them is reported
}

// column is a column with where its values come from.
type column struct {
	row.Column
	origin int   // the slot of the source's row that it is a copy of; -1: none
	parts  parts // of the operator's key, that it is made of
	other  bool  // it is made of something else too, which may change while the key stays
}

// parts is a set of parts of an operator's key: part 0 is the window, if there is one, then the key's columns follow.
type parts uint64

// maxKeys keeps parts within its bits.
const maxKeys = 32

func (f *flow) schema() []row.Column {
	cols := make([]row.Column, len(f.columns))
	for i, c := range f.columns {
		cols[i] = c.Column
	}
	return cols
}

// slot returns the index of a column, or -1.
func (f *flow) slot(name string) int {
	for i, c := range f.columns {
		if c.Name == name {
			return i
		}
	}
	return -1
}

// names lists the columns that a row shows: all but those that it carries unseen.
func (f *flow) names() []string {
	var names []string
	for _, c := range f.columns {
		if !isPseudo(c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// corrects tells whether a later row of the same key replaces an earlier one (P3).
func (f *flow) corrects() bool {
	k := f.operator
	return k != nil && (k.Op == plan.EventWindow && k.Emit == plan.EmitUpdate || k.Op == plan.UpdateStateByKey && k.Emit == plan.EmitChanged)
}

// increments tells whether adding up a column over batches is right: each record counts in one row of one batch.
func (f *flow) increments() bool {
	return !f.limited && (f.operator == nil || f.operator.Op == plan.ReduceByKey)
}

// breakOff is the flow after a step whose rows are not known.
func (f *flow) breakOff() *flow {
	out := *f
	out.broken, out.columns = true, nil
	return &out
}

// with is the flow after a narrow step.
func (f *flow) with(columns []column) *flow {
	out := *f
	out.columns = columns
	return &out
}

// read marks the fields that are decoded for the slots of an expression or a sink.
func (f *flow) read(slots ...int) {
	for _, slot := range slots {
		if at := f.columns[slot].origin; at >= 0 && at < len(f.source.Fields) {
			f.source.Fields[at].Used = true
		}
	}
}

// made is a new column of an expression's values.
func (f *flow) made(name string, e *expr.Expr) column {
	c := column{Column: row.Column{Name: name, Type: e.Type}, origin: -1, other: len(e.Slots) == 0 && !e.Const}
	for _, slot := range e.Slots {
		c.parts |= f.columns[slot].parts
		c.other = c.other || f.columns[slot].other
	}
	return c
}

// compile compiles an expression over the rows; nil if it has a problem or the rows are not known.
func (f *flow) compile(v value) *expr.Expr {
	t, ok := v.expression()
	if !ok || f.broken {
		return nil
	}
	e, errs := expr.Compile(t.string, expr.Scope{Columns: f.schema()})
	if f.report(v, t, errs) || e == nil {
		return nil
	}
	f.read(e.Slots...)
	return e
}

// pass is the expression that copies a column. It does not count as reading it.
func (f *flow) pass(v value, slot int) *expr.Expr {
	e, errs := expr.Compile(`"`+f.columns[slot].Name+`"`, expr.Scope{Columns: f.schema()})
	if len(errs) > 0 {
		v.fail("", "copy column %q: %s", f.columns[slot].Name, errs[0].Msg)
		return nil
	}
	e.Source = f.columns[slot].Name // as a file writes it
	return e
}

// expression returns the text of an expression, unless YAML has cut something off it.
func (v value) expression() (text, bool) {
	t, ok := v.text("an expression")
	if !ok || v.node.Style&quotedOrBlock != 0 {
		return t, ok
	}
	end, found := v.r.find(v.node, len(v.node.Value))
	if !found {
		return t, ok
	}
	if comment := strings.TrimSpace(end.rest()); strings.HasPrefix(comment, "#") {
		end.space()
		v.failAt(end.line, end.column(), fmt.Sprintf("write %s, or put the comment on a line of its own", quoted(v.node.Value+" "+comment)),
			"YAML takes the rest of the line as a comment")
		return t, false
	}
	return t, ok
}

// report places the errors of an expression in the file, and tells whether there were any.
func (f *flow) report(v value, t text, errs []*expr.Error) bool {
	for _, e := range errs {
		msg, cure := e.Msg, e.Cure
		switch name := pseudoWord.FindString(t.string[min(e.Pos, len(t.string)):]); {
		case strings.Contains(msg, `"_headers"`):
			msg, cure = "not in this version: _headers", ""
		case f.shuffled && name != "" && strings.Contains(msg, `"`+strings.ToLower(name)+`"`):
			cure = "make it a column before the first keyed step, where it ends"
		}
		v.failIn(t.raw(e.Pos), cure, msg)
	}
	return len(errs) > 0
}
