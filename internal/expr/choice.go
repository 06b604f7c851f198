package expr

import (
	"github.com/millrace/millrace/internal/expr/syntax"
	"github.com/millrace/millrace/internal/row"
)

// commonType is Postgres's select_common_type: what CASE, COALESCE, ARRAY and the like give. All untyped gives text.
func (c *checker) commonType(what string, list []*node) (row.Type, bool) {
	if anyBad(list) {
		return invalid, false
	}
	t := row.Unknown
	for _, n := range list {
		switch {
		case n.typ == row.Unknown || n.typ == t:
			continue
		case t == row.Unknown:
			t = n.typ
			continue
		case category(n.typ) != category(t) || t.IsArray():
			c.fail(n.at, "add a cast to one of them", "%s types %s and %s cannot be matched", what, t, n.typ)
			return invalid, false
		}
		up, _, _ := CanCast(t, n.typ)
		down, _, _ := CanCast(n.typ, t)
		if !preferred(t) && up && !down {
			t = n.typ
		}
	}
	if t == row.Unknown {
		t = row.Text
	}
	return t, true
}

// unify settles a list to its common type.
func (c *checker) unify(what string, list []*node) (row.Type, bool) {
	t, ok := c.commonType(what, list)
	if !ok {
		return t, false
	}
	for i, n := range list {
		if implicit, _, _ := CanCast(n.typ, t); n.typ != t && n.typ != row.Unknown && !implicit {
			c.fail(n.at, "add a cast", "%s could not convert type %s to %s", what, n.typ, t)
			return invalid, false
		}
		list[i] = c.implicit(n, t)
	}
	return t, !anyBad(list)
}

func (c *checker) caseOf(n *syntax.Case) *node {
	conds := make([]*node, len(n.Whens))
	results := make([]*node, 1, len(n.Whens)+1)
	var operand *node
	if n.Operand != nil {
		operand = c.check(n.Operand)
	}
	for i, w := range n.Whens {
		if cond := c.check(w.Cond); operand == nil {
			conds[i] = c.boolean(cond, "CASE/WHEN")
		} else {
			conds[i] = c.operator("=", w.Cond.At(), w.Cond.At(), operand, cond)
		}
		results = append(results, c.check(w.Then))
	}
	// Postgres takes the type of ELSE first.
	results[0] = constant(row.NullValue, row.Unknown, n.Span)
	if n.Else != nil {
		results[0] = c.check(n.Else)
	}
	t, ok := c.unify("CASE", results)
	if !ok || anyBad(conds) {
		return bad(n.Span)
	}
	conds, results = taken(conds, results)
	if len(conds) == 0 {
		return results[0]
	}
	out := combine("case", t, n.Span, append(append([]*node{}, conds...), results...))
	fs := make([]func(*Env) (bool, bool), len(conds))
	for i := range conds {
		fs[i] = conds[i].boolean
	}
	switch kindOf(t) {
	case kindBool:
		set(out, branch[bool](fs, results))
	case kindInt:
		set(out, branch[int64](fs, results))
	case kindFloat:
		set(out, branch[float64](fs, results))
	case kindText:
		set(out, branch[string](fs, results))
	default:
		set(out, branch[any](fs, results))
	}
	return fold(out)
}

// taken leaves out the branches whose constant conditions are never true, and all that stands after one that always is.
func taken(conds, results []*node) (c, r []*node) {
	r = results[:1:1]
	for i, cond := range conds {
		v, ok := cond.isConst()
		switch {
		case ok && v.N != 0:
			r[0] = results[i+1]
			return c, r
		case !cond.folded:
			c, r = append(c, cond), append(r, results[i+1])
		}
	}
	return c, r
}

// branch evaluates conditions in order, then only the result of the first that is true; results[0] is ELSE.
func branch[T any](conds []func(*Env) (bool, bool), results []*node) func(*Env) (T, bool) {
	then := make([]func(*Env) (T, bool), len(conds))
	for i := range conds {
		then[i] = get[T](results[i+1])
	}
	otherwise := get[T](results[0])
	return func(e *Env) (T, bool) {
		for i, cond := range conds {
			if v, null := cond(e); v && !null {
				return then[i](e)
			}
		}
		return otherwise(e)
	}
}

// form is a function whose types follow rules of their own.
type form func(*checker, *syntax.Call, []*node) *node

var formNames = []string{"coalesce", "nullif", "greatest", "least", "now", "current_timestamp", "transaction_timestamp", "concat", "concat_ws"}

// formOf is a function, not a table, because forms come back to the checker.
func formOf(name string) form {
	switch name {
	case "coalesce":
		return coalesce
	case "nullif":
		return nullif
	case "greatest":
		return greatest
	case "least":
		return least
	case "now", "current_timestamp", "transaction_timestamp":
		return now
	case "concat":
		return concatAll
	case "concat_ws":
		return concatWS
	}
	return nil
}

func (c *checker) atLeast(n *syntax.Call, args []*node, least int) bool {
	if len(args) < least {
		c.fail(n.Span, "give it more arguments", "function %s does not exist", signature(n.Name, args))
		return false
	}
	return true
}

func coalesce(c *checker, n *syntax.Call, args []*node) *node {
	if !c.atLeast(n, args, 1) {
		return bad(n.Span)
	}
	t, ok := c.unify("COALESCE", args)
	if !ok {
		return bad(n.Span)
	}
	args = needed(args)
	if len(args) == 1 {
		return args[0]
	}
	out := combine("coalesce", t, n.Span, args)
	switch kindOf(t) {
	case kindBool:
		set(out, firstOf[bool](args))
	case kindInt:
		set(out, firstOf[int64](args))
	case kindFloat:
		set(out, firstOf[float64](args))
	case kindText:
		set(out, firstOf[string](args))
	default:
		set(out, firstOf[any](args))
	}
	return fold(out)
}

// needed leaves out constant NULLs, and all that stands after a constant.
func needed(args []*node) []*node {
	var keep []*node
	for _, a := range args {
		if a.isNull() {
			continue
		}
		keep = append(keep, a)
		if a.folded {
			break
		}
	}
	if len(keep) == 0 {
		return args[:1]
	}
	return keep
}

// firstOf gives the first value that is not NULL, and evaluates no further.
func firstOf[T any](args []*node) func(*Env) (T, bool) {
	fs := make([]func(*Env) (T, bool), len(args))
	for i, a := range args {
		fs[i] = get[T](a)
	}
	if len(fs) == 2 {
		x, y := fs[0], fs[1]
		return func(e *Env) (T, bool) {
			if v, null := x(e); !null {
				return v, false
			}
			return y(e)
		}
	}
	return func(e *Env) (v T, null bool) {
		for _, f := range fs {
			if v, null = f(e); !null {
				return v, false
			}
		}
		return v, true
	}
}

// nullif gives its first argument, or NULL if the two are equal.
func nullif(c *checker, n *syntax.Call, args []*node) *node {
	if len(args) != 2 {
		return c.fail(n.Span, "write nullif(a, b)", "function %s does not exist", signature(n.Name, args))
	}
	eq := c.operator("=", n.Span, n.NameAt, args[0], args[1])
	if eq.typ == invalid {
		return eq
	}
	x := args[0]
	if x.typ == row.Unknown || !nativelyEqual(x.typ, args[1].typ) {
		x = eq.args[0] // the comparison has cast it
	}
	out := combine("nullif", x.typ, n.Span, []*node{x, eq})
	value, equal := x.value(), eq.boolean
	setValue(out, func(e *Env) row.Value {
		if v, null := equal(e); v && !null {
			return row.NullValue
		}
		return value(e)
	})
	return fold(out)
}

// nativelyEqual tells whether Postgres has = of two types without a cast: integers of all sizes, dates and timestamps.
func nativelyEqual(a, b row.Type) bool {
	whole := func(t row.Type) bool { return t == row.Int2 || t == row.Int4 || t == row.Int8 }
	return a == b || whole(a) && whole(b) || category(a) == 'D' && category(b) == 'D'
}

func greatest(c *checker, n *syntax.Call, args []*node) *node { return c.extreme(n, args, 1) }
func least(c *checker, n *syntax.Call, args []*node) *node    { return c.extreme(n, args, -1) }

// extreme gives the largest or smallest argument that is not NULL.
func (c *checker) extreme(n *syntax.Call, args []*node, sign int) *node {
	if !c.atLeast(n, args, 1) {
		return bad(n.Span)
	}
	t, ok := c.unify(map[int]string{1: "GREATEST", -1: "LEAST"}[sign], args)
	if !ok {
		return bad(n.Span)
	}
	out := combine(n.Name, t, n.Span, args)
	fs := make([]func(*Env) row.Value, len(args))
	for i, a := range args {
		fs[i] = a.value()
	}
	setValue(out, func(e *Env) row.Value {
		best := row.NullValue
		for _, f := range fs {
			if v := f(e); !v.Null && (best.Null || Compare(v, best, t)*sign > 0) {
				best = v
			}
		}
		return best
	})
	return fold(out)
}

func now(c *checker, n *syntax.Call, args []*node) *node {
	if len(args) != 0 {
		return c.fail(n.Span, "write now()", "function %s does not exist", signature(n.Name, args))
	}
	return batchTime(n.Span)
}
