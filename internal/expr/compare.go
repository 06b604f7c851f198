package expr

import (
	"github.com/millrace/millrace/internal/expr/pgnum"
	"github.com/millrace/millrace/internal/row"
)

var scalarTypes = []row.Type{
	row.Bool, row.Int2, row.Int4, row.Int8, row.Numeric, row.Float8, row.Text, row.Bytea, row.Date, row.Timestamp, row.TimestampTZ, row.Interval,
}

// comparisons are = <> < <= > >= of every type with itself; implicit casts bring other pairs there.
var comparisons = func() table {
	t := table{}
	for _, op := range []string{"=", "<>", "<", "<=", ">", ">="} {
		for _, typ := range scalarTypes {
			t[op] = append(t[op], sig(comparison(op, typ), typ, typ, row.Bool))
		}
		for _, typ := range scalarTypes {
			a := row.ArrayOf(typ)
			t[op] = append(t[op], sig(comparison(op, a), a, a, row.Bool))
		}
	}
	return t
}()

func comparison(op string, t row.Type) builder {
	return func(n *node, a []*node) {
		switch kindOf(t) {
		case kindInt:
			n.boolean = compareInts(op, a[0], a[1])
		case kindText:
			n.boolean = compareTexts(op, a[0], a[1])
		case kindBool:
			n.boolean = ordered(op, bit(a[0].boolean), bit(a[1].boolean))
		case kindFloat:
			n.boolean = compareFloats(op, a[0].float, a[1].float)
		default:
			n.boolean = compareValues(op, a[0].value(), a[1].value(), t)
		}
	}
}

// bit views a boolean as 0 or 1.
func bit(f func(*Env) (bool, bool)) func(*Env) (int64, bool) {
	return func(e *Env) (int64, bool) {
		v, null := f(e)
		if v {
			return 1, null
		}
		return 0, null
	}
}

// The commonest shape, a column against a constant, has closures of its own.
func compareInts(op string, x, y *node) func(*Env) (bool, bool) {
	c, ok := y.isConst()
	if ok && x.slot >= 0 {
		return intSlotConst(op, x.slot, c.N)
	}
	if ok {
		return orderedConst(op, x.integer, c.N)
	}
	return ordered(op, x.integer, y.integer)
}

func compareTexts(op string, x, y *node) func(*Env) (bool, bool) {
	c, ok := y.isConst()
	if ok && x.slot >= 0 {
		return textSlotConst(op, x.slot, c.S)
	}
	if ok {
		return orderedConst(op, x.text, c.S)
	}
	return ordered(op, x.text, y.text)
}

func intSlotConst(op string, i int, c int64) func(*Env) (bool, bool) {
	switch op {
	case "=":
		return func(e *Env) (bool, bool) { v := &e.Row[i]; return v.N == c, v.Null }
	case "<>":
		return func(e *Env) (bool, bool) { v := &e.Row[i]; return v.N != c, v.Null }
	case "<":
		return func(e *Env) (bool, bool) { v := &e.Row[i]; return v.N < c, v.Null }
	case "<=":
		return func(e *Env) (bool, bool) { v := &e.Row[i]; return v.N <= c, v.Null }
	case ">":
		return func(e *Env) (bool, bool) { v := &e.Row[i]; return v.N > c, v.Null }
	}
	return func(e *Env) (bool, bool) { v := &e.Row[i]; return v.N >= c, v.Null }
}

func textSlotConst(op string, i int, c string) func(*Env) (bool, bool) {
	switch op {
	case "=":
		return func(e *Env) (bool, bool) { v := &e.Row[i]; return v.S == c, v.Null }
	case "<>":
		return func(e *Env) (bool, bool) { v := &e.Row[i]; return v.S != c, v.Null }
	}
	return orderedConst(op, func(e *Env) (string, bool) { v := &e.Row[i]; return v.S, v.Null }, c)
}

func orderedConst[T int64 | string](op string, x func(*Env) (T, bool), c T) func(*Env) (bool, bool) {
	switch op {
	case "=":
		return func(e *Env) (bool, bool) { v, null := x(e); return v == c, null }
	case "<>":
		return func(e *Env) (bool, bool) { v, null := x(e); return v != c, null }
	case "<":
		return func(e *Env) (bool, bool) { v, null := x(e); return v < c, null }
	case "<=":
		return func(e *Env) (bool, bool) { v, null := x(e); return v <= c, null }
	case ">":
		return func(e *Env) (bool, bool) { v, null := x(e); return v > c, null }
	}
	return func(e *Env) (bool, bool) { v, null := x(e); return v >= c, null }
}

func ordered[T int64 | string](op string, x, y func(*Env) (T, bool)) func(*Env) (bool, bool) {
	switch op {
	case "=":
		return func(e *Env) (bool, bool) { v, vn := x(e); w, wn := y(e); return v == w, vn || wn }
	case "<>":
		return func(e *Env) (bool, bool) { v, vn := x(e); w, wn := y(e); return v != w, vn || wn }
	case "<":
		return func(e *Env) (bool, bool) { v, vn := x(e); w, wn := y(e); return v < w, vn || wn }
	case "<=":
		return func(e *Env) (bool, bool) { v, vn := x(e); w, wn := y(e); return v <= w, vn || wn }
	case ">":
		return func(e *Env) (bool, bool) { v, vn := x(e); w, wn := y(e); return v > w, vn || wn }
	}
	return func(e *Env) (bool, bool) { v, vn := x(e); w, wn := y(e); return v >= w, vn || wn }
}

// holds turns the result of a three-way comparison into that of an operator.
func holds(op string) func(int) bool {
	switch op {
	case "=":
		return func(c int) bool { return c == 0 }
	case "<>":
		return func(c int) bool { return c != 0 }
	case "<":
		return func(c int) bool { return c < 0 }
	case "<=":
		return func(c int) bool { return c <= 0 }
	case ">":
		return func(c int) bool { return c > 0 }
	}
	return func(c int) bool { return c >= 0 }
}

func compareFloats(op string, x, y func(*Env) (float64, bool)) func(*Env) (bool, bool) {
	test := holds(op)
	return func(e *Env) (bool, bool) {
		v, vn := x(e)
		w, wn := y(e)
		if vn || wn {
			return false, true
		}
		return test(pgnum.CompareFloat(v, w)), false
	}
}

func compareValues(op string, x, y func(*Env) row.Value, t row.Type) func(*Env) (bool, bool) {
	test := holds(op)
	return func(e *Env) (bool, bool) {
		v := x(e)
		w := y(e)
		if v.Null || w.Null {
			return false, true
		}
		return test(Compare(v, w, t)), false
	}
}
