package expr

import (
	"math"

	"github.com/millrace/millrace/internal/expr/pgnum"
	"github.com/millrace/millrace/internal/expr/pgtime"
	"github.com/millrace/millrace/internal/expr/syntax"
	"github.com/millrace/millrace/internal/row"
)

// How freely a cast happens; each level includes those after it.
type castLevel uint8

const (
	castNone castLevel = iota
	castExplicit
	castAssignment
	castImplicit
)

type castEntry struct {
	level castLevel
	build builder
}

type castKey struct{ from, to row.Type }

func same[T any](n *node, a []*node) { set(n, get[T](a[0])) }

func intTo(t pgnum.Int) builder {
	return try1(func(_ *Env, x int64) (int64, error) {
		if !t.Fits(x) {
			return 0, t.Range
		}
		return x, nil
	})
}

func floatTo(t pgnum.Int) builder {
	return try1(func(_ *Env, x float64) (int64, error) { return t.FloatToInt(x) })
}

func numericTo(t pgnum.Int) builder {
	return try1(func(_ *Env, x dec) (int64, error) { return t.NumericToInt(x) })
}

var (
	intToFloat   = pure1(func(x int64) float64 { return float64(x) })
	intToNumeric = pure1(pgnum.FromInt)
	dateToStamp  = try1(func(_ *Env, d int64) (int64, error) { return pgtime.DateToTimestamp(d) })
	stampToDate  = pure1(pgtime.TimestampToDate)
)

// casts are those that Postgres has a function for; all types go to text and back beside them.
var casts = map[castKey]castEntry{
	{row.Int2, row.Int4}:    {castImplicit, same[int64]},
	{row.Int2, row.Int8}:    {castImplicit, same[int64]},
	{row.Int4, row.Int8}:    {castImplicit, same[int64]},
	{row.Int4, row.Int2}:    {castAssignment, intTo(pgnum.Int2)},
	{row.Int8, row.Int2}:    {castAssignment, intTo(pgnum.Int2)},
	{row.Int8, row.Int4}:    {castAssignment, intTo(pgnum.Int4)},
	{row.Int2, row.Float8}:  {castImplicit, intToFloat},
	{row.Int4, row.Float8}:  {castImplicit, intToFloat},
	{row.Int8, row.Float8}:  {castImplicit, intToFloat},
	{row.Int2, row.Numeric}: {castImplicit, intToNumeric},
	{row.Int4, row.Numeric}: {castImplicit, intToNumeric},
	{row.Int8, row.Numeric}: {castImplicit, intToNumeric},

	{row.Float8, row.Int2}:    {castAssignment, floatTo(pgnum.Int2)},
	{row.Float8, row.Int4}:    {castAssignment, floatTo(pgnum.Int4)},
	{row.Float8, row.Int8}:    {castAssignment, floatTo(pgnum.Int8)},
	{row.Float8, row.Numeric}: {castAssignment, try1(func(_ *Env, x float64) (dec, error) { return pgnum.FromFloat(x) })},
	{row.Numeric, row.Int2}:   {castAssignment, numericTo(pgnum.Int2)},
	{row.Numeric, row.Int4}:   {castAssignment, numericTo(pgnum.Int4)},
	{row.Numeric, row.Int8}:   {castAssignment, numericTo(pgnum.Int8)},
	{row.Numeric, row.Float8}: {castImplicit, numericToFloat},

	{row.Bool, row.Int4}: {castExplicit, func(n *node, a []*node) { n.integer = bit(a[0].boolean) }},
	{row.Int4, row.Bool}: {castExplicit, pure1(func(x int64) bool { return x != 0 })},

	{row.Date, row.Timestamp}:        {castImplicit, dateToStamp},
	{row.Date, row.TimestampTZ}:      {castImplicit, dateToStamp},
	{row.Timestamp, row.TimestampTZ}: {castImplicit, same[int64]},
	{row.TimestampTZ, row.Timestamp}: {castAssignment, same[int64]},
	{row.Timestamp, row.Date}:        {castAssignment, stampToDate},
	{row.TimestampTZ, row.Date}:      {castAssignment, stampToDate},
}

// CanCast tells how a value of one type becomes one of another: without a word, in an assignment to a column, or only by a cast written.
// Each of them includes the ones before it.
func CanCast(from, to row.Type) (implicit, assignment, explicit bool) {
	l := castLevelOf(from, to)
	return l >= castImplicit, l >= castAssignment, l >= castExplicit
}

func castLevelOf(from, to row.Type) castLevel {
	switch {
	case from >= anyElement&^0x80 && (from == anyArray || from == anyElement || from == invalid), to == anyArray, to == anyElement, to == invalid:
		return castNone
	case from == to || from == row.Unknown:
		return castImplicit
	case to == row.Text:
		return castAssignment
	case from == row.Text:
		return castExplicit
	case from.IsArray() && to.IsArray():
		return castLevelOf(from.Elem(), to.Elem())
	}
	return casts[castKey{from, to}].level
}

// cast makes a cast that is known to exist. The modifiers of the type are applied after it.
func cast(a *node, to row.Type, mods []int) *node {
	from := a.typ
	n := combine("::", to, a.at, []*node{a})
	entry, direct := casts[castKey{from, to}]
	switch {
	case from == to:
		n = a
	case a.isNull():
		return constant(row.NullValue, to, a.at)
	case direct:
		entry.build(n, n.args)
	case to == row.Text:
		toText(n, a)
	case from == row.Text:
		fromText(n, a)
	default:
		castArray(n, a)
	}
	return fold(modify(fold(n), mods))
}

// toText prints by the type's output format, but that a boolean is spelled out.
func toText(n, a *node) {
	if a.typ == row.Bool {
		x := a.boolean
		n.text = func(e *Env) (string, bool) {
			v, null := x(e)
			if v {
				return "true", null
			}
			return "false", null
		}
		return
	}
	x, t := a.value(), a.typ
	n.text = func(e *Env) (string, bool) {
		v := x(e)
		if v.Null {
			return "", true
		}
		return row.String(AppendText(e.Scratch.Alloc(printed)[:0], v, t)), false
	}
}

// printed is room for what most values print as; longer ones leave the arena.
const printed = 40

func fromText(n, a *node) {
	n.fallible = true
	x, t := a.text, n.typ
	setValue(n, func(e *Env) row.Value {
		s, null := x(e)
		if null {
			return row.NullValue
		}
		v, err := ParseText(s, t)
		if err != nil {
			e.Fail(err)
			return row.NullValue
		}
		return v
	})
}

// castArray casts element by element.
func castArray(n, a *node) {
	elem := column(0, a.typ.Elem(), a.at)
	to := cast(elem, n.typ.Elem(), nil)
	n.fallible = n.fallible || to.fallible
	x, f := get[[]row.Value](a), to.value()
	set(n, func(e *Env) ([]row.Value, bool) {
		in, null := x(e)
		if null {
			return nil, true
		}
		out := make([]row.Value, len(in))
		inner := Env{BatchTime: e.BatchTime, Scratch: e.Scratch}
		defer func() { e.Scratch = inner.Scratch }()
		for i := range in {
			inner.Row = in[i : i+1]
			if out[i] = f(&inner); inner.Err != nil {
				e.Fail(inner.Err)
				return nil, true
			}
		}
		return out, false
	})
}

func (c *checker) castTo(n *syntax.Cast) *node {
	x := c.check(n.X)
	to, ok := c.typeOf(n.Type)
	if !ok || x.typ == invalid {
		return bad(n.Span)
	}
	if x.typ == row.Unknown {
		x = c.settle(x, to)
		x.at = n.Span
		if x.typ == invalid {
			return x
		}
		return c.located(modify(x, n.Type.Mods), n.Span)
	}
	if castLevelOf(x.typ, to) == castNone {
		return c.fail(n.Span, "cast by way of text, or compute it", "cannot cast type %s to %s", x.typ, to)
	}
	return c.located(cast(x, to, n.Type.Mods), n.Span)
}

func (c *checker) located(n *node, at syntax.Span) *node {
	out := *fold(n)
	out.at = at
	return &out
}

// otherTypes are Postgres's that this version does not have.
var otherTypes = map[string]bool{
	"real": true, "float4": true, "json": true, "jsonb": true, "uuid": true, "time": true, "timetz": true, "character": true, "char": true, "bpchar": true,
	"money": true, "inet": true, "xml": true, "time without time zone": true, "time with time zone": true, "oid": true, "regclass": true, "bit": true,
}

// typeOf resolves a type's name and checks its modifiers.
func (c *checker) typeOf(n syntax.TypeName) (row.Type, bool) {
	name := n.Name
	if n.Array {
		name += "[]"
	}
	t, ok := row.ParseType(name)
	if !ok {
		words := "type \"%s\" does not exist"
		if otherTypes[n.Name] {
			words = "type %s: not in this version"
		}
		c.fail(n.Span, "the types are boolean, smallint, integer, bigint, double precision, numeric, text, bytea, date, timestamp, timestamptz, interval",
			words, n.Name)
		return t, false
	}
	if len(n.Mods) == 0 {
		return t, true
	}
	return t, c.checkMods(n, t)
}

func (c *checker) checkMods(n syntax.TypeName, t row.Type) bool {
	m := n.Mods
	switch {
	case t == row.Numeric && len(m) <= 2 && m[0] >= 1 && m[0] <= 1000 && (len(m) == 1 || m[1] >= -1000 && m[1] <= 1000):
		return true
	case t == row.Text && n.Name != "text" && len(m) == 1 && m[0] >= 1 && m[0] <= 10485760:
		return true
	case (t == row.Timestamp || t == row.TimestampTZ || t == row.Interval) && len(m) == 1 && m[0] >= 0 && m[0] <= 6:
		return true
	}
	c.fail(n.Span, "write numeric(p,s), varchar(n) or timestamptz(p)", "invalid type modifier")
	return false
}

// modify applies a type's modifiers: numeric(p,s), varchar(n), timestamp(p).
func modify(a *node, mods []int) *node {
	if len(mods) == 0 || a.typ.IsArray() {
		return a
	}
	n := combine("modify", a.typ, a.at, []*node{a})
	switch a.typ {
	case row.Numeric:
		scale := 0
		if len(mods) == 2 {
			scale = mods[1]
		}
		try1(func(_ *Env, x dec) (dec, error) { return pgnum.ApplyTypmod(x, mods[0], scale) })(n, n.args)
	case row.Text:
		pure1(func(s string) string { return leftChars(s, int64(mods[0])) })(n, n.args)
	case row.Interval:
		pure1(func(s row.Span) row.Span { s.Micros = roundTo(s.Micros, mods[0]); return s })(n, n.args)
	default:
		pure1(func(ts int64) int64 { return roundTo(ts, mods[0]) })(n, n.args)
	}
	return fold(n)
}

// roundTo rounds microseconds to a number of digits after the second, half away from zero.
func roundTo(micros int64, digits int) int64 {
	unit := int64(math.Pow10(6 - digits))
	if unit == 1 || pgtime.Infinite(micros) {
		return micros
	}
	half := unit / 2
	if micros < 0 {
		half = -half
	}
	return (micros + half) / unit * unit
}
