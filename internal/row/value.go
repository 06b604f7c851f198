package row

import (
	"math"
	"slices"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Value is one field of a row. Which of N, S and Ref counts depends on the column's Type (see Rep); all are zero when Null.
type Value struct {
	N    int64
	S    string
	Ref  any
	Null bool
}

// Span is a Postgres interval: the three parts are kept apart, as Postgres does.
type Span struct {
	Months, Days int32
	Micros       int64
}

// Infinities of date, timestamp and timestamptz, as Postgres stores them.
const (
	PosInfinity = math.MaxInt64
	NegInfinity = math.MinInt64
)

// Column is a named, typed slot. A row's schema is a []Column; a column's slot is its index there.
type Column struct {
	Name string
	Type Type
}

// NullValue is SQL's NULL.
var NullValue = Value{Null: true}

// OfInt makes a value of a RepInt type.
func OfInt(n int64) Value { return Value{N: n} }

// OfFloat makes a double precision.
func OfFloat(f float64) Value { return Value{N: int64(math.Float64bits(f))} }

// OfText makes a text, or a bytea of its bytes.
func OfText(s string) Value { return Value{S: s} }

// OfRef makes a numeric, an interval or an array; see RepRef.
func OfRef(r any) Value { return Value{Ref: r} }

// OfBool makes a boolean.
func OfBool(b bool) Value {
	if b {
		return Value{N: 1}
	}
	return Value{}
}

// Float returns the value of a RepFloat column.
func (v Value) Float() float64 { return math.Float64frombits(uint64(v.N)) }

// Decimal returns the value of a numeric column; it must not be changed.
func (v Value) Decimal() *apd.Decimal { return v.Ref.(*apd.Decimal) }

// Array returns the elements of an array column; they must not be changed.
func (v Value) Array() []Value { return v.Ref.([]Value) }

// Span returns the value of an interval column.
func (v Value) Span() Span { return v.Ref.(Span) }

// Clone returns a value that stays valid for ever (R2).
func (v Value) Clone() Value {
	v.S = strings.Clone(v.S)
	if a, ok := v.Ref.([]Value); ok {
		a = slices.Clone(a)
		for i := range a {
			a[i] = a[i].Clone()
		}
		v.Ref = a
	}
	return v
}
