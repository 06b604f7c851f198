package expr

import (
	"github.com/millrace/millrace/internal/expr/syntax"
	"github.com/millrace/millrace/internal/row"
)

var arrayFunctions = table{
	"array_length": {sig(arrayLength, anyArray, tInt4, tInt4)},
	"array_upper":  {sig(arrayLength, anyArray, tInt4, tInt4)},
	"cardinality":  {sig(pure1(func(a []row.Value) int64 { return int64(len(a)) }), anyArray, tInt4)},
	"array_to_string": lax(
		sig(arrayToString, anyArray, tText, tText),
		sig(arrayToString, anyArray, tText, tText, tText),
	),
}

// arrayLength is NULL for an empty array and for a dimension that is not there.
func arrayLength(n *node, args []*node) {
	a, d := get[[]row.Value](args[0]), args[1].integer
	n.integer = func(e *Env) (int64, bool) {
		v, null := a(e)
		dim, dimNull := d(e)
		return int64(len(v)), null || dimNull || dim != 1 || len(v) == 0
	}
}

// arrayToString leaves NULL elements out unless a text for them is given; a NULL text for them is none.
func arrayToString(n *node, args []*node) {
	a, sep, t := get[[]row.Value](args[0]), args[1].text, args[0].typ.Elem()
	filler := func(*Env) (string, bool) { return "", true }
	if len(args) == 3 {
		filler = args[2].text
	}
	n.text = func(e *Env) (string, bool) {
		list, null := a(e)
		s, sepNull := sep(e)
		if null || sepNull {
			return "", true
		}
		fill, skip := filler(e)
		out, first := e.Scratch.Alloc(3 * printed)[:0], true
		for _, v := range list {
			if v.Null && skip {
				continue
			}
			if !first {
				out = append(out, s...)
			}
			first = false
			if v.Null {
				out = append(out, fill...)
			}
			out = AppendText(out, v, t)
		}
		return row.String(out), false
	}
}

func (c *checker) array(n *syntax.Array) *node {
	if len(n.Elems) == 0 {
		return c.fail(n.Span, "write ARRAY[]::text[] as '{}'::text[]", "cannot determine type of empty array")
	}
	elems := c.all(n.Elems)
	t, ok := c.unify("ARRAY", elems)
	if !ok {
		return bad(n.Span)
	}
	if t.IsArray() {
		return c.fail(n.Span, "use arrays of one dimension", "arrays of more than one dimension: not in this version")
	}
	out := combine("array", row.ArrayOf(t), n.Span, elems)
	fs := make([]func(*Env) row.Value, len(elems))
	for i, x := range elems {
		fs[i] = x.value()
	}
	set(out, func(e *Env) ([]row.Value, bool) {
		a := make([]row.Value, len(fs))
		for i, f := range fs {
			a[i] = f(e)
		}
		return a, false
	})
	out.each = func(e *Env, emit func(row.Value)) bool {
		for _, f := range fs {
			emit(f(e))
		}
		return false
	}
	return fold(out)
}

// index is a[i], 1-based; beyond the ends it is NULL.
func (c *checker) index(n *syntax.Index) *node {
	a, i := c.check(n.X), c.settle(c.check(n.I), row.Int4)
	if anyBad([]*node{a, i}) {
		return bad(n.Span)
	}
	if !a.typ.IsArray() {
		return c.fail(n.Span, "use split_part or substr for texts", "cannot subscript type %s because it does not support subscripting", a.typ)
	}
	if i.typ != row.Int4 {
		if castLevelOf(i.typ, row.Int4) < castAssignment {
			return c.fail(i.at, "write an integer", "array subscript must have type integer")
		}
		i = cast(i, row.Int4, nil)
	}
	out := combine("[]", a.typ.Elem(), n.Span, []*node{a, i})
	list, at := get[[]row.Value](a), i.integer
	setValue(out, func(e *Env) row.Value {
		v, null := list(e)
		if null { // the subscript is then not evaluated
			return row.NullValue
		}
		k, null := at(e)
		if null || k < 1 || k > int64(len(v)) {
			return row.NullValue
		}
		return v[k-1]
	})
	return fold(out)
}

// concatArrays joins two arrays, or an array and an element. NULL is an empty array.
func (c *checker) concatArrays(at syntax.Span, x, y *node) *node {
	arr := x.typ
	if !arr.IsArray() {
		arr = y.typ
	}
	side := func(n *node) *node {
		switch {
		case n.typ == row.Unknown:
			return c.settle(n, arr)
		case n.typ == arr || n.typ == arr.Elem():
			return n
		case castLevelOf(n.typ, arr.Elem()) == castImplicit:
			return cast(n, arr.Elem(), nil)
		}
		return c.fail(n.at, "cast one side", "operator does not exist: %s", spelled("||", []*node{x, y}))
	}
	x, y = side(x), side(y)
	if anyBad([]*node{x, y}) {
		return bad(at)
	}
	out := combine("||", arr, at, []*node{x, y})
	xs, ys := elements(x), elements(y)
	set(out, func(e *Env) ([]row.Value, bool) {
		a, an := xs(e)
		b, bn := ys(e)
		list := make([]row.Value, 0, len(a)+len(b))
		return append(append(list, a...), b...), an && bn
	})
	return fold(out)
}

// elements views an array as its elements and anything else as one element.
func elements(n *node) func(*Env) ([]row.Value, bool) {
	if n.typ.IsArray() {
		return get[[]row.Value](n)
	}
	f := n.value()
	return func(e *Env) ([]row.Value, bool) { return []row.Value{f(e)}, false }
}
