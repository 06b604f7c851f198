package operators

import (
	"errors"
	"math"

	"github.com/cockroachdb/apd/v3"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/expr/pgnum"
	"github.com/millrace/millrace/internal/row"
)

// cell is the accumulator of one aggregate: n is what it counts, sums or keeps, by the type's representation; c is how many
// values have gone in. Text and numeric accumulate in a heavy value besides.
type cell struct{ n, c int64 }

// acc is the accumulators of one key.
type acc struct {
	cells []cell
	heavy []row.Value
}

// input is one argument of an aggregate, evaluated before anything is added (OP2).
type input struct {
	skip bool // NULL, or the filter did not hold
	v    row.Value
}

// aggregator is one aggregate function over one type.
type aggregator struct {
	load   func(*expr.Env, *input) // nil: nothing to evaluate
	add    func(*cell, *row.Value, *input) error
	merge  func(c *cell, h *row.Value, oc *cell, oh *row.Value) error
	result func(*cell, *row.Value) row.Value
	heavy  row.Type // type of the heavy value; Unknown: none
}

var (
	errBigintRange = errors.New("bigint out of range")
	errFloatRange  = errors.New("value out of range: overflow")
)

func aggregatorOf(a expr.Agg) aggregator {
	g := byFunction(a)
	if a.Func != expr.CountStar {
		g.load = loader(a.Arg)
	}
	if a.Filter != nil {
		g.load = filtered(g.load, a.Filter)
	}
	return g
}

func byFunction(a expr.Agg) aggregator {
	switch a.Func {
	case expr.CountStar, expr.Count:
		return counter()
	case expr.Sum:
		return summer(a.Arg.Type, a.Type)
	case expr.Avg:
		g := summer(a.Arg.Type, a.Type)
		g.result = average(a.Arg.Type)
		return g
	}
	return extreme(a.Arg.Type, a.Func == expr.Max)
}

func loader(x *expr.Expr) func(*expr.Env, *input) {
	if x.Int != nil {
		return func(e *expr.Env, in *input) { in.v.N, in.skip = x.Int(e) }
	}
	return func(e *expr.Env, in *input) {
		in.v = x.Value(e)
		in.skip = in.v.Null
	}
}

func filtered(load func(*expr.Env, *input), cond *expr.Expr) func(*expr.Env, *input) {
	return func(e *expr.Env, in *input) {
		ok, null := cond.Bool(e)
		if in.skip = !ok || null; in.skip || load == nil {
			return
		}
		load(e, in)
	}
}

func counter() aggregator {
	return aggregator{
		add:    func(c *cell, _ *row.Value, _ *input) error { c.n++; return nil },
		merge:  func(c *cell, _ *row.Value, o *cell, _ *row.Value) error { c.n += o.n; return nil },
		result: func(c *cell, _ *row.Value) row.Value { return row.OfInt(c.n) },
	}
}

func summer(arg, result row.Type) aggregator {
	switch {
	case arg == row.Float8:
		return floatSum()
	case arg == row.Numeric:
		return numericSum()
	case result == row.Int8:
		return bigintSum()
	}
	return wideSum()
}

// bigintSum sums smallint and integer.
func bigintSum() aggregator {
	plus := func(c *cell, n, count int64) error {
		s := c.n + n
		if (s > c.n) != (n > 0) && n != 0 {
			return errBigintRange
		}
		c.n, c.c = s, c.c+count
		return nil
	}
	return aggregator{
		add:    func(c *cell, _ *row.Value, in *input) error { return plus(c, in.v.N, 1) },
		merge:  func(c *cell, _ *row.Value, o *cell, _ *row.Value) error { return plus(c, o.n, o.c) },
		result: func(c *cell, _ *row.Value) row.Value { return row.Value{N: c.n, Null: c.c == 0} },
	}
}

// wideSum sums integers to a numeric: in n as long as it fits, and what did not fit in the heavy value.
func wideSum() aggregator {
	plus := func(c *cell, h *row.Value, n, count int64) error {
		s := c.n + n
		if (s > c.n) != (n > 0) && n != 0 {
			if err := addDecimal(h, pgnum.FromInt(c.n)); err != nil {
				return err
			}
			s = n
		}
		c.n, c.c = s, c.c+count
		return nil
	}
	return aggregator{
		add: func(c *cell, h *row.Value, in *input) error { return plus(c, h, in.v.N, 1) },
		merge: func(c *cell, h *row.Value, o *cell, oh *row.Value) error {
			if d, ok := oh.Ref.(*apd.Decimal); ok {
				if err := addDecimal(h, d); err != nil {
					return err
				}
			}
			return plus(c, h, o.n, o.c)
		},
		result: func(c *cell, h *row.Value) row.Value {
			if c.c == 0 {
				return row.NullValue
			}
			return row.OfRef(wideTotal(c, h))
		},
		heavy: row.Numeric,
	}
}

func wideTotal(c *cell, h *row.Value) *apd.Decimal {
	total := pgnum.FromInt(c.n)
	if d, ok := h.Ref.(*apd.Decimal); ok {
		if sum, err := pgnum.Add(total, d); err == nil { // two integers of bounded size: it cannot fail
			return sum
		}
	}
	return total
}

// addDecimal adds d to the decimal in h, which may be absent. The old decimal is never changed: someone may hold it.
func addDecimal(h *row.Value, d *apd.Decimal) error {
	old, ok := h.Ref.(*apd.Decimal)
	if !ok {
		h.Ref = d
		return nil
	}
	sum, err := pgnum.Add(old, d)
	if err != nil {
		return err
	}
	h.Ref = sum
	return nil
}

func numericSum() aggregator {
	return aggregator{
		add: func(c *cell, h *row.Value, in *input) error {
			c.c++
			return addDecimal(h, in.v.Decimal())
		},
		merge: func(c *cell, h *row.Value, o *cell, oh *row.Value) error {
			c.c += o.c
			if d, ok := oh.Ref.(*apd.Decimal); ok {
				return addDecimal(h, d)
			}
			return nil
		},
		result: func(c *cell, h *row.Value) row.Value { return row.Value{Ref: h.Ref, Null: c.c == 0} },
		heavy:  row.Numeric,
	}
}

func floatSum() aggregator {
	plus := func(c *cell, f float64, count int64) error {
		old := math.Float64frombits(uint64(c.n))
		s := old + f
		if math.IsInf(s, 0) && !math.IsInf(old, 0) && !math.IsInf(f, 0) {
			return errFloatRange
		}
		c.n, c.c = int64(math.Float64bits(s)), c.c+count
		return nil
	}
	return aggregator{
		add: func(c *cell, _ *row.Value, in *input) error { return plus(c, in.v.Float(), 1) },
		merge: func(c *cell, _ *row.Value, o *cell, _ *row.Value) error {
			return plus(c, math.Float64frombits(uint64(o.n)), o.c)
		},
		result: func(c *cell, _ *row.Value) row.Value { return row.Value{N: c.n, Null: c.c == 0} },
	}
}

func average(arg row.Type) func(*cell, *row.Value) row.Value {
	switch arg {
	case row.Float8:
		return func(c *cell, _ *row.Value) row.Value {
			if c.c == 0 {
				return row.NullValue
			}
			return row.OfFloat(math.Float64frombits(uint64(c.n)) / float64(c.c))
		}
	case row.Numeric:
		return func(c *cell, h *row.Value) row.Value {
			if c.c == 0 {
				return row.NullValue
			}
			return quotient(h.Decimal(), c.c)
		}
	}
	return func(c *cell, h *row.Value) row.Value {
		if c.c == 0 {
			return row.NullValue
		}
		n := *c
		if h == nil {
			h = &row.Value{}
		}
		return quotient(wideTotal(&n, h), c.c)
	}
}

// quotient divides a sum by a count that is not zero, at the scale that Postgres chooses.
func quotient(sum *apd.Decimal, count int64) row.Value {
	q, err := pgnum.Div(sum, pgnum.FromInt(count))
	if err != nil {
		return row.OfRef(pgnum.NaN()) // only a sum beyond numeric's range fails; its add has failed before
	}
	return row.OfRef(q)
}

// extreme keeps the least or the greatest value.
func extreme(t row.Type, greatest bool) aggregator {
	better := func(order int) bool { return order < 0 }
	if greatest {
		better = func(order int) bool { return order > 0 }
	}
	if t.Rep() != row.RepText && t.Rep() != row.RepRef {
		return lightExtreme(t, better)
	}
	keep := func(c *cell, h *row.Value, v row.Value, count int64) error {
		if c.c == 0 || better(expr.Compare(v, *h, t)) {
			*h = v.Clone() // R2
		}
		c.c += count
		return nil
	}
	return aggregator{
		add: func(c *cell, h *row.Value, in *input) error { return keep(c, h, in.v, 1) },
		merge: func(c *cell, h *row.Value, o *cell, oh *row.Value) error {
			if o.c == 0 {
				return nil
			}
			return keep(c, h, *oh, o.c)
		},
		result: func(c *cell, h *row.Value) row.Value {
			if c.c == 0 {
				return row.NullValue
			}
			return *h
		},
		heavy: t,
	}
}

// lightExtreme is extreme for values that fit a cell.
func lightExtreme(t row.Type, better func(int) bool) aggregator {
	keep := func(c *cell, n, count int64) {
		if c.c == 0 || better(expr.Compare(row.OfInt(n), row.OfInt(c.n), t)) {
			c.n = n
		}
		c.c += count
	}
	return aggregator{
		add: func(c *cell, _ *row.Value, in *input) error { keep(c, in.v.N, 1); return nil },
		merge: func(c *cell, _ *row.Value, o *cell, _ *row.Value) error {
			if o.c > 0 {
				keep(c, o.n, o.c)
			}
			return nil
		},
		result: func(c *cell, _ *row.Value) row.Value { return row.Value{N: c.n, Null: c.c == 0} },
	}
}
