package pgnum

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// AppendFloat appends f as Postgres prints double precision: the shortest digits that read back the same.
func AppendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 0):
		return append(dst, infinity(f < 0)...)
	case f == 0:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	// The exponent form begins where %.15g's does.
	a := math.Abs(f)
	if a >= 1e-4 && a < 1e15 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if a < 1<<53 || a >= 1e25 || !onBound(f, string(dst[start:])) {
		return dst
	}
	for digits := 1; digits < 17; digits++ {
		dst = strconv.AppendFloat(dst[:start], f, 'e', digits, 64)
		text := string(dst[start:])
		if back, err := strconv.ParseFloat(text, 64); err == nil && back == f && !onBound(f, text) {
			break
		}
	}
	return dst
}

// onBound tells whether the shortest digits lie in the very middle between two doubles: Go takes them where they read back as f because f
// is even, Postgres wants one digit more.
func onBound(f float64, text string) bool {
	shown, _, err := big.ParseFloat(text, 10, 200, big.ToNearestEven)
	if err != nil {
		return false
	}
	exactly := new(big.Float).SetPrec(200).SetFloat64(f)
	next := math.Nextafter(f, math.Inf(1))
	if shown.Cmp(exactly) < 0 {
		next = math.Nextafter(f, math.Inf(-1))
	}
	twice := new(big.Float).SetPrec(200).Add(exactly, new(big.Float).SetFloat64(next))
	return shown.Mul(shown, big.NewFloat(2)).Cmp(twice) == 0
}

func infinity(negative bool) string {
	if negative {
		return "-Infinity"
	}
	return "Infinity"
}

// ParseFloat reads double precision as Postgres's input function does, C's strtod.
func ParseFloat(s string) (float64, error) {
	const typ = "double precision"
	b := TrimSpace(s)
	if b == "" {
		return 0, ErrSyntax(typ, s)
	}
	if f, ok := specialFloat(b); ok {
		return f, nil
	}
	digits := strings.TrimLeft(b, "+-")
	if digits == "" || digits[0] != '.' && (digits[0] < '0' || digits[0] > '9') || strings.Contains(b, "_") {
		return 0, ErrSyntax(typ, s)
	}
	if hex := strings.ToLower(digits); strings.HasPrefix(hex, "0x") && !strings.Contains(hex, "p") {
		b += "p0"
	}
	f, err := strconv.ParseFloat(b, 64)
	switch {
	case err != nil && !math.IsInf(f, 0):
		return 0, ErrSyntax(typ, s)
	case math.IsInf(f, 0) || f == 0 && strings.ContainsAny(mantissa(digits), "123456789"):
		return 0, fmt.Errorf("\"%s\" is out of range for type double precision", b)
	}
	return f, nil
}

func mantissa(s string) string {
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		return s[:i]
	}
	return s
}

func specialFloat(s string) (float64, bool) {
	sign := 1.0
	t := strings.ToLower(s)
	if t == "nan" {
		return math.NaN(), true
	}
	if t[0] == '-' {
		sign, t = -1, t[1:]
	} else if t[0] == '+' {
		t = t[1:]
	}
	if t == "infinity" || t == "inf" {
		return math.Inf(int(sign)), true
	}
	return 0, false
}

// CompareFloat orders as Postgres does: NaN equals itself and is greater than all else.
func CompareFloat(x, y float64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	case x == y:
		return 0
	}
	xn, yn := math.IsNaN(x), math.IsNaN(y)
	switch {
	case xn && yn:
		return 0
	case xn:
		return 1
	}
	return -1
}

// AddFloat, SubFloat, MulFloat and DivFloat refuse an infinity that finite operands make, and a zero that they should not make.
func AddFloat(x, y float64) (float64, error) { return checkFloat(x+y, x, y) }

// SubFloat subtracts; see AddFloat.
func SubFloat(x, y float64) (float64, error) { return checkFloat(x-y, x, y) }

// MulFloat multiplies; see AddFloat.
func MulFloat(x, y float64) (float64, error) {
	z := x * y
	if z == 0 && x != 0 && y != 0 {
		return 0, ErrFloatUnderflow
	}
	return checkFloat(z, x, y)
}

// DivFloat divides; see AddFloat.
func DivFloat(x, y float64) (float64, error) {
	if y == 0 && !math.IsNaN(x) {
		return 0, ErrDivisionByZero
	}
	z := x / y
	if z == 0 && x != 0 && !math.IsInf(y, 0) {
		return 0, ErrFloatUnderflow
	}
	return checkFloat(z, x, y)
}

func checkFloat(z, x, y float64) (float64, error) {
	if math.IsInf(z, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return 0, ErrFloatOverflow
	}
	return z, nil
}

// FloatToInt rounds half to even, as casts do.
func (t Int) FloatToInt(f float64) (int64, error) {
	f = math.RoundToEven(f)
	if !(f >= float64(t.Min) && f < -float64(t.Min)) {
		return 0, t.Range
	}
	return int64(f), nil
}

// PowerFloat is Postgres's dpow.
func PowerFloat(x, y float64) (float64, error) {
	switch {
	case x == 0 && y < 0:
		return 0, ErrZeroToNegative
	case x < 0 && !math.IsInf(x, 0) && !math.IsInf(y, 0) && math.Floor(y) != y:
		return 0, ErrNegativeToFrac
	}
	z := power(x, y)
	if z == 0 && x != 0 && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
		return 0, ErrFloatUnderflow
	}
	return checkFloat(z, x, y)
}
