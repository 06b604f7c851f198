package expr

import (
	"github.com/cockroachdb/apd/v3"

	"github.com/millrace/millrace/internal/expr/pgnum"
	"github.com/millrace/millrace/internal/expr/pgtime"
	"github.com/millrace/millrace/internal/row"
)

const (
	tDate  = row.Date
	tStamp = row.Timestamp
	tTZ    = row.TimestampTZ
	tSpan  = row.Interval
	tFloat = row.Float8
)

func swap[A, B, R any](f func(*Env, A, B) (R, error)) func(*Env, B, A) (R, error) {
	return func(e *Env, b B, a A) (R, error) { return f(e, a, b) }
}

func plus(_ *Env, ts int64, s row.Span) (int64, error)  { return pgtime.Add(ts, s) }
func minus(_ *Env, ts int64, s row.Span) (int64, error) { return pgtime.Sub(ts, s) }

func datePlus(_ *Env, day int64, s row.Span) (int64, error) {
	ts, err := pgtime.DateToTimestamp(day)
	if err != nil {
		return 0, err
	}
	return pgtime.Add(ts, s)
}

func dateMinus(_ *Env, day int64, s row.Span) (int64, error) {
	ts, err := pgtime.DateToTimestamp(day)
	if err != nil {
		return 0, err
	}
	return pgtime.Sub(ts, s)
}

func addDays(_ *Env, day, n int64) (int64, error) { return pgtime.AddDays(day, n) }
func subDays(_ *Env, day, n int64) (int64, error) { return pgtime.AddDays(day, -n) }
func diffDays(_ *Env, x, y int64) (int64, error)  { return pgtime.DiffDays(x, y) }
func diff(_ *Env, x, y int64) (row.Span, error)   { return pgtime.Diff(x, y) }
func negate(_ *Env, s row.Span) (row.Span, error) { return pgtime.Negate(s) }
func spans(f func(x, y row.Span) (row.Span, error)) builder {
	return try2(func(_ *Env, x, y row.Span) (row.Span, error) { return f(x, y) })
}

func mulSpan(_ *Env, s row.Span, f float64) (row.Span, error) { return pgtime.MulSpan(s, f) }
func divSpan(_ *Env, s row.Span, f float64) (row.Span, error) { return pgtime.DivSpan(s, f) }

var timeOperators = table{
	"+": {
		sig(try2(plus), tStamp, tSpan, tStamp), sig(try2(plus), tTZ, tSpan, tTZ), sig(try2(datePlus), tDate, tSpan, tStamp),
		sig(try2(swap(plus)), tSpan, tStamp, tStamp), sig(try2(swap(plus)), tSpan, tTZ, tTZ), sig(try2(swap(datePlus)), tSpan, tDate, tStamp),
		sig(try2(addDays), tDate, tInt4, tDate), sig(try2(swap(addDays)), tInt4, tDate, tDate),
		sig(spans(pgtime.AddSpan), tSpan, tSpan, tSpan),
	},
	"-": {
		sig(try2(minus), tStamp, tSpan, tStamp), sig(try2(minus), tTZ, tSpan, tTZ), sig(try2(dateMinus), tDate, tSpan, tStamp),
		sig(try2(subDays), tDate, tInt4, tDate), sig(try2(diffDays), tDate, tDate, tInt4),
		sig(try2(diff), tStamp, tStamp, tSpan), sig(try2(diff), tTZ, tTZ, tSpan),
		sig(spans(pgtime.SubSpan), tSpan, tSpan, tSpan), sig(try1(negate), tSpan, tSpan),
	},
	"*": {sig(try2(mulSpan), tSpan, tFloat, tSpan), sig(try2(swap(mulSpan)), tFloat, tSpan, tSpan)},
	"/": {sig(try2(divSpan), tSpan, tFloat, tSpan)},
}

var timeFunctions = table{
	"to_timestamp": {
		sig(try1(func(_ *Env, f float64) (int64, error) { return pgtime.FromEpoch(f) }), tFloat, tTZ),
		refused("cast it: x::timestamptz", tText, tText, tTZ),
	},
	"date_trunc": {
		sig(truncs(tStamp), tText, tStamp, tStamp), sig(truncs(tTZ), tText, tTZ, tTZ), sig(truncSpans, tText, tSpan, tSpan),
		refused("leave out the zone: it is UTC", tText, tTZ, tText, tTZ),
	},
	"date_part": parts(tFloat, setPartFloat),
	"extract":   append(parts(row.Numeric, setPartNumeric), sig(extracts(tDate, pgtime.ExtractDate, setPartNumeric), tText, tDate, row.Numeric)),
	"date_bin": {
		sig(try3(dateBin), tSpan, tStamp, tStamp, tStamp), sig(try3(dateBin), tSpan, tTZ, tTZ, tTZ),
	},
	"age":            {refused("subtract the timestamps", tTZ, tTZ, tSpan), refused("subtract the timestamps", tStamp, tStamp, tSpan)},
	"make_interval":  {refused("write interval '1 hour' * n", tInt4, tSpan)},
	"make_timestamp": {refused("cast a text", tInt4, tInt4, tInt4, tInt4, tInt4, tFloat, tStamp)},
	"isfinite": {
		sig(pure1(func(ts int64) bool { return !pgtime.Infinite(ts) }), tDate, tBool), sig(pure1(func(ts int64) bool { return !pgtime.Infinite(ts) }), tStamp, tBool),
		sig(pure1(func(ts int64) bool { return !pgtime.Infinite(ts) }), tTZ, tBool), sig(pure1(func(row.Span) bool { return true }), tSpan, tBool),
	},
}

func dateBin(_ *Env, stride row.Span, ts, origin int64) (int64, error) {
	return pgtime.Bin(stride, ts, origin)
}

// unitOf reads the unit of a call: once, if it is constant. A constant that is no unit is refused when the source is compiled.
func unitOf(n *node, a *node, typ row.Type) func(*Env) (pgtime.Unit, bool) {
	if c, ok := a.isConst(); ok {
		u, err := pgtime.UnitOf(c.S, typ.String())
		if err != nil {
			n.refuse(err)
		}
		return func(*Env) (pgtime.Unit, bool) { return u, false }
	}
	x, name := a.text, typ.String()
	return func(e *Env) (pgtime.Unit, bool) {
		s, null := x(e)
		if null {
			return 0, true
		}
		u, err := pgtime.UnitOf(s, name)
		if err != nil {
			e.Fail(err)
		}
		return u, err != nil
	}
}

func truncs(typ row.Type) builder {
	return func(n *node, a []*node) {
		n.fallible = true
		unit, x, name := unitOf(n, a[0], typ), a[1].integer, typ.String()
		n.integer = func(e *Env) (int64, bool) {
			u, null := unit(e)
			ts, tsNull := x(e)
			if null || tsNull {
				return 0, true
			}
			out, err := pgtime.Trunc(u, ts, name)
			if err != nil {
				e.Fail(err)
				return 0, true
			}
			return out, false
		}
	}
}

func truncSpans(n *node, a []*node) {
	n.fallible = true
	unit, x := unitOf(n, a[0], tSpan), get[row.Span](a[1])
	set(n, func(e *Env) (row.Span, bool) {
		u, null := unit(e)
		s, sNull := x(e)
		if null || sNull {
			return row.Span{}, true
		}
		out, err := pgtime.TruncSpan(u, s)
		if err != nil {
			e.Fail(err)
			return out, true
		}
		return out, false
	})
}

// parts are the overloads that date_part and extract share; how a part becomes a value differs.
func parts(ret row.Type, give func(*node, func(*Env) (pgtime.Part, bool))) []overload {
	stamp := func(zoned bool) func(pgtime.Unit, int64) (pgtime.Part, error) {
		return func(u pgtime.Unit, ts int64) (pgtime.Part, error) { return pgtime.Extract(u, ts, zoned) }
	}
	return []overload{
		sig(extracts(tStamp, stamp(false), give), tText, tStamp, ret),
		sig(extracts(tTZ, stamp(true), give), tText, tTZ, ret),
		sig(extracts(tSpan, pgtime.ExtractSpan, give), tText, tSpan, ret),
	}
}

func extracts[T any](typ row.Type, f func(pgtime.Unit, T) (pgtime.Part, error), give func(*node, func(*Env) (pgtime.Part, bool))) builder {
	return func(n *node, a []*node) {
		n.fallible = true
		unit, x := unitOf(n, a[0], typ), get[T](a[1])
		give(n, func(e *Env) (pgtime.Part, bool) {
			u, null := unit(e)
			v, vNull := x(e)
			if null || vNull {
				return pgtime.Part{}, true
			}
			p, err := f(u, v)
			if err != nil {
				e.Fail(err)
				return p, true
			}
			return p, p.Null
		})
	}
}

func setPartFloat(n *node, f func(*Env) (pgtime.Part, bool)) {
	n.float = func(e *Env) (float64, bool) { p, null := f(e); return p.Float, null }
}

func setPartNumeric(n *node, f func(*Env) (pgtime.Part, bool)) {
	set(n, func(e *Env) (dec, bool) {
		p, null := f(e)
		if null {
			return nil, true
		}
		d, err := partNumeric(p)
		if err != nil {
			e.Fail(err)
			return nil, true
		}
		return d, false
	})
}

func partNumeric(p pgtime.Part) (dec, error) {
	switch {
	case p.Infinite != 0:
		return &apd.Decimal{Form: apd.Infinite, Negative: p.Infinite < 0}, nil
	case p.Julian:
		frac, err := pgnum.Div(pgnum.FromInt(p.Micros), pgnum.FromInt(pgtime.Day))
		if err != nil {
			return nil, err
		}
		return pgnum.Add(pgnum.FromInt(p.N), frac)
	}
	return pgnum.Add(pgnum.FromInt(p.Seconds), pgnum.FromScaled(p.N, p.Scale))
}
