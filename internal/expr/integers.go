package expr

import (
	"github.com/millrace/millrace/internal/expr/pgnum"
	"github.com/millrace/millrace/internal/row"
)

var integerTypes = []struct {
	typ row.Type
	pg  pgnum.Int
}{{row.Int2, pgnum.Int2}, {row.Int4, pgnum.Int4}, {row.Int8, pgnum.Int8}}

var integerOperators = func() table {
	t := table{}
	for _, i := range integerTypes {
		binary := func(name string, b builder) { t[name] = append(t[name], sig(b, i.typ, i.typ, i.typ)) }
		unary := func(name string, b builder) { t[name] = append(t[name], sig(b, i.typ, i.typ)) }
		binary("+", checkedInts(i.pg, pgnum.Add8))
		binary("-", checkedInts(i.pg, pgnum.Sub8))
		binary("*", checkedInts(i.pg, pgnum.Mul8))
		binary("/", divideInts(i.pg))
		binary("%", moduloInts)
		binary("&", pure2(func(x, y int64) int64 { return x & y }))
		binary("|", pure2(func(x, y int64) int64 { return x | y }))
		binary("#", pure2(func(x, y int64) int64 { return x ^ y }))
		unary("~", pure1(func(x int64) int64 { return ^x }))
		unary("+", pure1(func(x int64) int64 { return x }))
		unary("-", negateInt(i.pg))
		unary("@", absInt(i.pg))
	}
	return t
}()

var integerFunctions = func() table {
	t := table{}
	for _, i := range integerTypes {
		t["abs"] = append(t["abs"], sig(absInt(i.pg), i.typ, i.typ))
		t["mod"] = append(t["mod"], sig(moduloInts, i.typ, i.typ, i.typ))
	}
	return t
}()

// checkedInts makes arithmetic that refuses a result beyond its type. A constant on the right has a closure of its own.
func checkedInts(t pgnum.Int, f func(x, y int64) (int64, bool)) builder {
	general := try2(func(_ *Env, x, y int64) (int64, error) {
		z, ok := f(x, y)
		if !ok || !t.Fits(z) {
			return 0, t.Range
		}
		return z, nil
	})
	return func(n *node, a []*node) {
		c, ok := a[1].isConst()
		if !ok {
			general(n, a)
			return
		}
		n.fallible = true
		x, y := a[0].integer, c.N
		n.integer = func(e *Env) (int64, bool) {
			v, null := x(e)
			if null {
				return 0, true
			}
			z, ok := f(v, y)
			if !ok || !t.Fits(z) {
				e.Fail(t.Range)
				return 0, true
			}
			return z, false
		}
	}
}

func divideInts(t pgnum.Int) builder {
	general := try2(func(_ *Env, x, y int64) (int64, error) {
		switch {
		case y == 0:
			return 0, pgnum.ErrDivisionByZero
		case y == -1 && x == t.Min:
			return 0, t.Range
		}
		return x / y, nil
	})
	return safeDivisor(general, func(x, y int64) int64 { return x / y })
}

var moduloInts = safeDivisor(try2(func(_ *Env, x, y int64) (int64, error) {
	switch y {
	case 0:
		return 0, pgnum.ErrDivisionByZero
	case -1:
		return 0, nil
	}
	return x % y, nil
}), func(x, y int64) int64 { return x % y })

// safeDivisor uses the plain operation for a constant divisor that is neither 0 nor -1: it cannot fail.
func safeDivisor(general builder, f func(x, y int64) int64) builder {
	return func(n *node, a []*node) {
		c, ok := a[1].isConst()
		if !ok || c.N == 0 || c.N == -1 {
			general(n, a)
			return
		}
		x, y := a[0].integer, c.N
		n.integer = func(e *Env) (int64, bool) { v, null := x(e); return f(v, y), null }
	}
}

func negateInt(t pgnum.Int) builder {
	return try1(func(_ *Env, x int64) (int64, error) {
		if x == t.Min {
			return 0, t.Range
		}
		return -x, nil
	})
}

func absInt(t pgnum.Int) builder {
	return try1(func(_ *Env, x int64) (int64, error) {
		if x == t.Min {
			return 0, t.Range
		}
		return max(x, -x), nil
	})
}
