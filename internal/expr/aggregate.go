package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/expr/syntax"
	"github.com/millrace/millrace/internal/row"
)

var aggregates = map[string]AggFunc{"count": Count, "sum": Sum, "min": Min, "max": Max, "avg": Avg}

// otherAggregates are Postgres's that this version does not have, with what to write instead.
var otherAggregates = map[string]string{
	"array_agg": "keep the rows, or count them", "string_agg": "keep the rows, or count them", "bool_and": "write count(*) FILTER (WHERE NOT x) = 0",
	"bool_or": "write count(*) FILTER (WHERE x) > 0", "every": "write count(*) FILTER (WHERE NOT x) = 0", "stddev": "keep sum(x), sum(x*x) and count(*)",
	"variance": "keep sum(x), sum(x*x) and count(*)", "json_agg": "keep the rows", "jsonb_agg": "keep the rows",
}

func isAggregate(name string) bool {
	_, ok := aggregates[name]
	return ok || otherAggregates[name] != ""
}

// aggregation collects the aggregates of all values, equal calls once.
type aggregation struct {
	scope Scope
	base  int // the slot of the first aggregate
	aggs  []Agg
	seen  map[string]int
}

// CompileAggregation compiles value expressions over aggregates. Inside an aggregate's arguments and FILTER, names are the
// columns of scope; outside, they are the columns of keys and, written state.NAME, those of state (nil: there is no state). The
// errors are by index of values.
func CompileAggregation(values []Named, scope Scope, keys, state []row.Column) (*Aggregation, map[int][]*Error) {
	a := &aggregation{scope: scope, base: len(keys) + len(state), seen: map[string]int{}}
	out := &Aggregation{}
	errs := map[int][]*Error{}
	for i, v := range values {
		c := &checker{src: v.Source, lookup: a.lookup(keys, state)}
		c.agg = func(call *syntax.Call) *node { return a.call(c, call) }
		n := c.compile()
		if len(c.errs) > 0 {
			errs[i] = c.errs
			continue
		}
		out.Results = append(out.Results, finish(n, v.Source))
	}
	if len(errs) > 0 {
		return nil, errs
	}
	out.Aggs = a.aggs
	return out, nil
}

// lookup resolves names outside aggregates: keys, then state.NAME.
func (a *aggregation) lookup(keys, state []row.Column) func(*syntax.Name) (*node, *Error) {
	inKeys := columnLookup(keys, 0)
	return func(n *syntax.Name) (*node, *Error) {
		if len(n.Parts) == 2 && n.Parts[0] == "state" {
			return lookupState(n, state, len(keys))
		}
		x, err := inKeys(n)
		if err == nil {
			return x, nil
		}
		name := strings.Join(n.Parts, ".")
		if slices.ContainsFunc(a.scope.Columns, func(c row.Column) bool { return c.Name == name }) {
			err.Msg = fmt.Sprintf("column \"%s\" must appear in the key or be used in an aggregate function", name)
			err.Cure = fmt.Sprintf("add it to the key, or write max(%s)", name)
			return nil, err
		}
		return nil, unknownColumn(n, append(slices.Clone(keys), a.scope.Columns...))
	}
}

func lookupState(n *syntax.Name, state []row.Column, base int) (*node, *Error) {
	if state == nil {
		return nil, &Error{n.Pos, n.End, "there is no state here", "declare it: state: {" + n.Parts[1] + ": bigint}"}
	}
	name := &syntax.Name{Span: n.Span, Parts: n.Parts[1:]}
	x, err := columnLookup(state, base)(name)
	if err != nil {
		err.Msg = fmt.Sprintf("column \"state.%s\" does not exist", n.Parts[1])
	}
	if err == nil && len(x.slots) == 0 { // state._batch_time is not a thing
		return nil, unknownColumn(name, state)
	}
	return x, err
}

// call checks one aggregate and gives the node that reads its slot.
func (a *aggregation) call(c *checker, n *syntax.Call) *node {
	if cure := otherAggregates[n.Name]; cure != "" {
		return c.fail(n.NameAt, cure, "%s(): not in this version", n.Name)
	}
	if n.Distinct {
		return c.fail(n.Span, "use the step distinct or a key with the column before it", "DISTINCT in aggregates: not in this version")
	}
	inner := &checker{src: c.src, lookup: columnLookup(a.scope.Columns, 0)}
	inner.agg = func(nested *syntax.Call) *node {
		return inner.fail(nested.Span, "aggregate in one step and again in the next", "aggregate function calls cannot be nested")
	}
	agg := Agg{Func: aggregates[n.Name], Type: row.Int8}
	ok := inner.aggArgs(n, &agg)
	c.errs = append(c.errs, inner.errs...)
	if !ok || len(inner.errs) > 0 {
		return bad(n.Span)
	}
	return column(a.slot(agg), agg.Type, n.Span)
}

// slot gives an aggregate its place; an equal one shares it.
func (a *aggregation) slot(agg Agg) int {
	key := fmt.Sprint(agg.Func)
	for _, x := range []*Expr{agg.Arg, agg.Filter} {
		key += "\x00"
		if x != nil {
			key += x.Source
		}
	}
	i, ok := a.seen[key]
	if !ok {
		i = len(a.aggs)
		a.seen[key] = i
		a.aggs = append(a.aggs, agg)
	}
	return a.base + i
}

func (c *checker) aggArgs(n *syntax.Call, agg *Agg) bool {
	if n.Filter != nil {
		cond := c.boolean(c.check(n.Filter), "FILTER")
		if cond.typ == invalid {
			return false
		}
		agg.Filter = finish(cond, canonical(c.src, n.Filter.At()))
	}
	if n.Star {
		if agg.Func != Count {
			c.fail(n.Span, "write "+n.Name+"(x)", "function %s() does not exist", n.Name)
			return false
		}
		agg.Func = CountStar
		return true
	}
	if len(n.Args) != 1 {
		c.fail(n.Span, "write "+n.Name+"(x)", "function %s takes one argument", n.Name)
		return false
	}
	x := c.check(n.Args[0])
	x, agg.Type = c.aggType(n, x, agg.Func)
	if x.typ == invalid {
		return false
	}
	agg.Arg = finish(x, canonical(c.src, n.Args[0].At()))
	return true
}

// aggType gives the argument, cast where Postgres casts, and the type of the result.
func (c *checker) aggType(n *syntax.Call, x *node, f AggFunc) (*node, row.Type) {
	if x.typ == row.Unknown {
		x = c.settle(x, map[bool]row.Type{true: row.Float8, false: row.Text}[f == Sum || f == Avg])
	}
	switch {
	case x.typ == invalid || f == Count:
		return x, row.Int8
	case (f == Min || f == Max) && x.typ != row.Bool && x.typ != row.Bytea:
		return x, x.typ
	case f == Sum && (x.typ == row.Int2 || x.typ == row.Int4):
		return x, row.Int8
	case (f == Sum || f == Avg) && (x.typ == row.Float8 || x.typ == row.Interval):
		return c.noSpans(n, x), x.typ
	case (f == Sum || f == Avg) && category(x.typ) == 'N':
		return x, row.Numeric
	}
	return c.fail(n.Span, "cast its argument", "function %s does not exist", signature(n.Name, []*node{x})), invalid
}

func (c *checker) noSpans(n *syntax.Call, x *node) *node {
	if x.typ == row.Interval {
		return c.fail(n.Span, "aggregate seconds: extract(epoch from x)", "%s(interval): not in this version", n.Name)
	}
	return x
}

// canonical is a piece of the source, its runs of blanks made one, unless there are quotes in it. Equal calls are found by it.
func canonical(src string, at syntax.Span) string {
	text := src[at.Pos:at.End]
	if strings.ContainsAny(text, `'"$`) {
		return text
	}
	return strings.Join(strings.Fields(text), " ")
}
