package expr

import (
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/expr/syntax"
	"github.com/millrace/millrace/internal/row"
)

// boolean settles an operand of AND, OR, NOT, WHEN or FILTER.
func (c *checker) boolean(n *node, what string) *node {
	n = c.settle(n, row.Bool)
	if n.typ != row.Bool && n.typ != invalid {
		return c.fail(n.at, "compare it with something: x <> 0, x IS NOT NULL", "argument of %s must be type boolean, not type %s", what, n.typ)
	}
	return n
}

func (c *checker) logic(l *syntax.Logic) *node {
	args := c.all(l.Args)
	for i := range args {
		args[i] = c.boolean(args[i], strings.ToUpper(l.Op))
	}
	if anyBad(args) {
		return bad(l.Span)
	}
	if l.Op != "not" && decided(args, l.Op == "or") {
		return constant(row.OfBool(l.Op == "or"), row.Bool, l.Span)
	}
	n := combine(l.Op, row.Bool, l.Span, args)
	fs := make([]func(*Env) (bool, bool), len(args))
	for i, a := range args {
		fs[i] = a.boolean
	}
	switch l.Op {
	case "not":
		x := fs[0]
		n.boolean = func(e *Env) (bool, bool) { v, null := x(e); return !v, null }
	case "and":
		n.boolean = and(fs)
	default:
		n.boolean = or(fs)
	}
	return fold(n)
}

// decided tells whether a constant false settles an AND, or a constant true an OR; as in Postgres, the others are then not evaluated.
func decided(args []*node, by bool) bool {
	return slices.ContainsFunc(args, func(a *node) bool {
		v, ok := a.isConst()
		return ok && (v.N != 0) == by
	})
}

// and stops at the first false one; NULL otherwise wins over true.
func and(fs []func(*Env) (bool, bool)) func(*Env) (bool, bool) {
	if len(fs) == 2 {
		x, y := fs[0], fs[1]
		return func(e *Env) (bool, bool) {
			v, vn := x(e)
			if !v && !vn {
				return false, false
			}
			w, wn := y(e)
			if !w && !wn {
				return false, false
			}
			return true, vn || wn
		}
	}
	return func(e *Env) (bool, bool) {
		unknown := false
		for _, f := range fs {
			v, null := f(e)
			if !v && !null {
				return false, false
			}
			unknown = unknown || null
		}
		return true, unknown
	}
}

// or stops at the first true one; NULL otherwise wins over false.
func or(fs []func(*Env) (bool, bool)) func(*Env) (bool, bool) {
	return func(e *Env) (bool, bool) {
		unknown := false
		for _, f := range fs {
			v, null := f(e)
			if v && !null {
				return true, false
			}
			unknown = unknown || null
		}
		return false, unknown
	}
}

func (c *checker) is(n *syntax.Is) *node {
	x := c.check(n.X)
	if n.What == "distinct" {
		return c.distinct(n, x, c.check(n.Y))
	}
	if n.What != "null" {
		x = c.boolean(x, "IS "+strings.ToUpper(n.What))
	}
	if x.typ == invalid {
		return x
	}
	x = c.settle(x, row.Text)
	out := combine("is", row.Bool, n.Span, []*node{x})
	want := !n.Not
	switch n.What {
	case "null":
		out.boolean = nullTest(x, want)
	case "unknown":
		f := x.boolean
		out.boolean = func(e *Env) (bool, bool) { _, null := f(e); return null == want, false }
	default:
		f, truth := x.boolean, n.What == "true"
		out.boolean = func(e *Env) (bool, bool) { v, null := f(e); return (!null && v == truth) == want, false }
	}
	return fold(out)
}

func nullTest(x *node, want bool) func(*Env) (bool, bool) {
	if i := x.slot; i >= 0 {
		return func(e *Env) (bool, bool) { return e.Row[i].Null == want, false }
	}
	null := nullOf(x)
	return func(e *Env) (bool, bool) { return null(e) == want, false }
}

// nullOf returns a closure that tells whether the node is NULL.
func nullOf(x *node) func(*Env) bool {
	switch kindOf(x.typ) {
	case kindBool:
		return func(e *Env) bool { _, null := x.boolean(e); return null }
	case kindInt:
		return func(e *Env) bool { _, null := x.integer(e); return null }
	case kindFloat:
		return func(e *Env) bool { _, null := x.float(e); return null }
	case kindText:
		return func(e *Env) bool { _, null := x.text(e); return null }
	}
	return func(e *Env) bool { _, null := x.ref(e); return null }
}

// distinct is x IS [NOT] DISTINCT FROM y: <> that takes NULL for a value. It evaluates its operands twice; they have no effects.
func (c *checker) distinct(n *syntax.Is, x, y *node) *node {
	if x.isNull() || y.isNull() {
		other := x
		if x.isNull() {
			other = y
		}
		if other = c.settle(other, row.Text); other.typ == invalid {
			return bad(n.Span)
		}
		out := combine("is", row.Bool, n.Span, []*node{other})
		out.boolean = nullTest(other, n.Not)
		return fold(out)
	}
	ne := c.operator("<>", n.Span, n.Span, x, y)
	if ne.typ == invalid {
		return ne
	}
	out := combine("is distinct", row.Bool, n.Span, []*node{ne})
	xn, yn, f, not := nullOf(ne.args[0]), nullOf(ne.args[1]), ne.boolean, n.Not
	out.boolean = func(e *Env) (bool, bool) {
		a, b := xn(e), yn(e)
		if a || b {
			return (a != b) != not, false
		}
		v, _ := f(e)
		return v != not, false
	}
	return fold(out)
}

func (c *checker) between(n *syntax.Between) *node {
	x, lo, hi := c.check(n.X), c.check(n.Lo), c.check(n.Hi)
	within := func(lo, hi *node) *node {
		ends := []*node{c.operator(">=", n.Span, n.Span, x, lo), c.operator("<=", n.Span, n.Span, x, hi)}
		if !anyBad(ends) && decided(ends, false) {
			return constant(row.OfBool(false), row.Bool, n.Span)
		}
		return c.both(n.Span, and, ends...)
	}
	out := within(lo, hi)
	if n.Symmetric && out.typ != invalid {
		out = c.both(n.Span, or, out, within(hi, lo))
	}
	return c.negate(out, n.Not)
}

// both joins nodes by a connective.
func (c *checker) both(at syntax.Span, join func([]func(*Env) (bool, bool)) func(*Env) (bool, bool), args ...*node) *node {
	if anyBad(args) {
		return bad(at)
	}
	n := combine("", row.Bool, at, args)
	fs := make([]func(*Env) (bool, bool), len(args))
	for i, a := range args {
		fs[i] = a.boolean
	}
	n.boolean = join(fs)
	return fold(n)
}

func (c *checker) negate(x *node, not bool) *node {
	if !not || x.typ == invalid {
		return x
	}
	n := combine("not", row.Bool, x.at, []*node{x})
	f := x.boolean
	n.boolean = func(e *Env) (bool, bool) { v, null := f(e); return !v, null }
	return fold(n)
}

// in is an OR of equalities; a list of constants of one type is looked up in a set.
func (c *checker) in(n *syntax.In) *node {
	x, list := c.check(n.X), c.all(n.List)
	equal := make([]*node, len(list))
	for i, y := range list {
		equal[i] = c.operator("=", syntax.Span{Pos: n.X.At().Pos, End: y.at.End}, y.at, x, y)
	}
	if anyBad(equal) {
		return bad(n.Span)
	}
	equal = constantsFirst(equal, list)
	out := c.both(n.Span, or, equal...)
	if f := constantSet(equal); f != nil && !out.folded {
		out.boolean = f
	}
	return c.negate(out, n.Not)
}

// constantsFirst puts two or more elements without columns before the others, as Postgres does: it makes an array of them. What stands
// after a match is not evaluated.
func constantsFirst(equal, list []*node) []*node {
	var first, rest []*node
	for i, q := range equal {
		if len(list[i].slots) == 0 {
			first = append(first, q)
		} else {
			rest = append(rest, q)
		}
	}
	if len(first) < 2 {
		return equal
	}
	return append(first, rest...)
}

// constantSet recognises x = 'a' OR x = 'b' … over one operand and constants that are not NULL.
func constantSet(equal []*node) func(*Env) (bool, bool) {
	if len(equal) < 4 {
		return nil
	}
	first := equal[0]
	for _, q := range equal {
		if len(q.args) != 2 || q.args[0].typ != first.args[0].typ || q.args[1].typ != first.args[1].typ {
			return nil
		}
		if _, ok := q.args[1].isConst(); !ok {
			return nil
		}
	}
	switch kindOf(first.args[0].typ) {
	case kindText:
		return member(first.args[0].text, equal, func(v row.Value) string { return v.S })
	case kindInt:
		return member(first.args[0].integer, equal, func(v row.Value) int64 { return v.N })
	}
	return nil
}

func member[T comparable](x func(*Env) (T, bool), equal []*node, key func(row.Value) T) func(*Env) (bool, bool) {
	set := make(map[T]struct{}, len(equal))
	for _, q := range equal {
		set[key(q.args[1].val)] = struct{}{}
	}
	return func(e *Env) (bool, bool) {
		v, null := x(e)
		if null {
			return false, true
		}
		_, ok := set[v]
		return ok, false
	}
}
