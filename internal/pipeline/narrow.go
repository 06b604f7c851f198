package pipeline

import (
	"slices"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

func (p place) filter(v value) (plan.Step, *flow) {
	cond := p.in.compile(v)
	if cond != nil && cond.Type != row.Bool {
		v.fail("compare it with something", "a filter must be boolean, this is %s", cond.Type)
	}
	return &plan.Filter{Cond: cond, Columns: p.in.schema()}, p.in
}

// named is a column that a step makes.
type named struct {
	entry
	expr *expr.Expr
}

// assignments compiles `column: expression` pairs; nil if one of them has a problem.
func (p place) assignments(v value, want string) []named {
	m, ok := v.open(want)
	if ok && len(m.entries) == 0 {
		v.fail("", "names no columns")
		return nil
	}
	var all []named
	for _, e := range m.entries {
		if ok = columnNamed(e) && ok; e.value.empty() && !columnName.MatchString(e.name) {
			continue // the rest of an expression that a comma has cut
		}
		x := p.in.compile(e.value)
		ok = ok && x != nil
		all = append(all, named{e, x})
	}
	if !ok {
		return nil
	}
	return all
}

// mapped makes rows of the named columns only, and of the pseudo columns that are used further on.
func (p place) mapped(v value) (plan.Step, *flow) {
	all := p.assignments(v, "columns: name: expression")
	if all == nil {
		return nil, p.in.breakOff()
	}
	step := &plan.Map{}
	var columns []column
	for _, n := range all {
		step.Exprs = append(step.Exprs, n.expr)
		columns = append(columns, p.in.made(n.name, n.expr))
	}
	need := p.b.needed(p.s, p.i+1)
	for i, pseudo := range pseudoColumns {
		if slot := p.in.slot(pseudo.Name); slot >= 0 && need.has(i) {
			step.Exprs = append(step.Exprs, p.in.pass(v, slot))
			columns = append(columns, p.in.columns[slot])
		}
	}
	return finish(step, p.in.with(columns))
}

func finish(step *plan.Map, out *flow) (plan.Step, *flow) {
	step.Columns = out.schema()
	return step, out
}

// extended keeps the row and adds columns; a column that is there already is replaced where it stands, which takes a new row.
func (p place) extended(v value) (plan.Step, *flow) {
	all := p.assignments(v, "columns to add: name: expression")
	if all == nil {
		return nil, p.in.breakOff()
	}
	columns := slices.Clone(p.in.columns)
	exprs := make([]*expr.Expr, len(columns), len(columns)+len(all))
	step := &plan.Map{Keep: true}
	for _, n := range all {
		c := p.in.made(n.name, n.expr)
		if slot := p.in.slot(n.name); slot >= 0 {
			columns[slot], exprs[slot], step.Keep = c, n.expr, false
			continue
		}
		columns, exprs = append(columns, c), append(exprs, n.expr)
	}
	if step.Keep {
		step.Exprs = exprs[len(p.in.columns):]
		return finish(step, p.in.with(columns))
	}
	for slot := range exprs {
		if exprs[slot] == nil {
			exprs[slot] = p.in.pass(v, slot)
		}
	}
	step.Exprs = exprs
	return finish(step, p.in.with(columns))
}

// flatMap gives a row for each element of an array.
func (p place) flatMap(v value) (plan.Step, *flow) {
	all := p.assignments(v, "one column: name: array expression")
	switch {
	case all == nil:
		return nil, p.in.breakOff()
	case len(all) > 1:
		all[1].key.fail("add the others by a map or an extend after it", "flatMap takes one column")
		return nil, p.in.breakOff()
	}
	n := all[0]
	switch {
	case !n.expr.Type.IsArray():
		n.fail("string_to_array or regexp_split_to_array make one of a text", "flatMap needs an array, this is %s", n.expr.Type)
		return nil, p.in.breakOff()
	case p.in.slot(n.name) >= 0:
		n.key.fail("give the element another name; a map after it can drop the old column", "there is a column %q already", n.name)
		return nil, p.in.breakOff()
	}
	element := p.in.made(n.name, n.expr)
	element.Type = n.expr.Type.Elem()
	out := p.in.with(append(slices.Clone(p.in.columns), element))
	return &plan.FlatMap{Array: n.expr, Columns: out.schema()}, out
}
