package pgnum

import (
	"math"
	"math/bits"
)

// Int is one of Postgres's integer types.
type Int struct {
	Name     string // as error messages have it
	Min, Max int64
	Range    error // what arithmetic beyond it gives
}

// The integer types.
var (
	Int2 = Int{"smallint", math.MinInt16, math.MaxInt16, ErrInt2Range}
	Int4 = Int{"integer", math.MinInt32, math.MaxInt32, ErrInt4Range}
	Int8 = Int{"bigint", math.MinInt64, math.MaxInt64, ErrInt8Range}
)

// Fits tells whether v is a value of the type.
func (t Int) Fits(v int64) bool { return v >= t.Min && v <= t.Max }

// Parse reads an integer as Postgres's input function does: blanks around it, a sign, digits.
func (t Int) Parse(s string) (int64, error) {
	b := TrimSpace(s)
	negative := false
	if b != "" && (b[0] == '-' || b[0] == '+') {
		negative, b = b[0] == '-', b[1:]
	}
	if b == "" {
		return 0, ErrSyntax(t.Name, s)
	}
	var n uint64
	over := false
	for i := range len(b) {
		d := b[i] - '0'
		if d > 9 {
			return 0, ErrSyntax(t.Name, s)
		}
		over = over || n > (math.MaxUint64-9)/10
		n = n*10 + uint64(d)
	}
	limit := uint64(t.Max)
	if negative {
		limit++
	}
	if over || n > limit {
		return 0, errRange(t.Name, s)
	}
	if negative {
		return -int64(n), nil
	}
	return int64(n), nil
}

// TrimSpace cuts the bytes that C's isspace takes from both ends.
func TrimSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// Add8, Sub8 and Mul8 are bigint arithmetic; ok is false when the result does not fit.
func Add8(x, y int64) (z int64, ok bool) {
	z = x + y
	return z, (z > x) == (y > 0)
}

// Sub8 subtracts; see Add8.
func Sub8(x, y int64) (z int64, ok bool) {
	z = x - y
	return z, (z < x) == (y > 0)
}

// Mul8 multiplies; see Add8.
func Mul8(x, y int64) (z int64, ok bool) {
	hi, lo := bits.Mul64(magnitude(x), magnitude(y))
	if (x < 0) != (y < 0) {
		return -int64(lo), hi == 0 && lo <= 1<<63
	}
	return int64(lo), hi == 0 && lo < 1<<63
}

func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}
