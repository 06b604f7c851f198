package pgnum

import (
	"math"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// Limits of Postgres's numeric.
const (
	maxScale        = 16383  // digits after the point
	maxWhole        = 131072 // digits before it
	maxDisplayScale = 1000   // scale that a division may choose
	maxResultScale  = 2000   // beyond which exp and power give zero or overflow
	minSigDigits    = 16     // significant digits that a division gives at least
	decDigits       = 4      // decimal digits in one of Postgres's base-10000 digits
)

var powers = func() (p [40]apd.BigInt) {
	p[0].SetInt64(1)
	for i := 1; i < len(p); i++ {
		p[i].Mul(&p[i-1], apd.NewBigInt(10))
	}
	return p
}()

// pow10 returns 10^n, which must not be changed.
func pow10(n int) *apd.BigInt {
	if n < len(powers) {
		return &powers[n]
	}
	return new(apd.BigInt).Exp(apd.NewBigInt(10), apd.NewBigInt(int64(n)), nil)
}

// Scale returns the display scale of a finite numeric.
func Scale(d *apd.Decimal) int { return int(-d.Exponent) }

// FromInt makes a numeric of scale 0.
func FromInt(n int64) *apd.Decimal { return FromScaled(n, 0) }

// FromScaled makes n * 10^-scale.
func FromScaled(n int64, scale int) *apd.Decimal {
	d := &apd.Decimal{Negative: n < 0, Exponent: int32(-scale)}
	d.Coeff.SetUint64(magnitude(n))
	return d
}

// NaN makes a numeric that is not a number.
func NaN() *apd.Decimal { return &apd.Decimal{Form: apd.NaN} }

func inf(negative bool) *apd.Decimal { return &apd.Decimal{Form: apd.Infinite, Negative: negative} }

func isNaN(d *apd.Decimal) bool { return d.Form == apd.NaN || d.Form == apd.NaNSignaling }

// checked holds N1 and refuses what Postgres cannot store.
func checked(d *apd.Decimal) (*apd.Decimal, error) {
	if d.Form != apd.Finite {
		return d, nil
	}
	if d.Coeff.Sign() == 0 {
		d.Negative = false
	}
	if d.Coeff.BitLen() > maxWhole*3 && apd.NumDigits(&d.Coeff)-int64(Scale(d)) > maxWhole {
		return nil, ErrNumericOverflow
	}
	if Scale(d) > maxScale {
		return Round(d, maxScale), nil
	}
	return d, nil
}

// ParseNumeric reads a numeric as Postgres's input function does; the digits after the point become its scale.
func ParseNumeric(s string) (*apd.Decimal, error) {
	b := TrimSpace(s)
	if d, ok := specialNumeric(b); ok {
		return d, nil
	}
	negative := false
	if b != "" && (b[0] == '-' || b[0] == '+') {
		negative, b = b[0] == '-', b[1:]
	}
	whole, rest := digits(b)
	frac := ""
	if strings.HasPrefix(rest, ".") {
		frac, rest = digits(rest[1:])
	}
	if whole == "" && frac == "" {
		return nil, ErrSyntax("numeric", s)
	}
	exponent, ok := exponentOf(rest)
	if !ok {
		return nil, ErrSyntax("numeric", s)
	}
	return assemble(negative, whole, frac, exponent, s)
}

func specialNumeric(b string) (*apd.Decimal, bool) {
	if b == "" || b[len(b)-1] <= '9' { // the common case: it ends with a digit
		return nil, false
	}
	f, ok := specialFloat(b)
	switch {
	case !ok:
		return nil, false
	case math.IsNaN(f):
		return NaN(), true
	}
	return inf(f < 0), true
}

func digits(s string) (run, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}

func exponentOf(s string) (int, bool) {
	if s == "" {
		return 0, true
	}
	if s[0]|0x20 != 'e' {
		return 0, false
	}
	n, rest := digits(strings.TrimPrefix(strings.TrimPrefix(s[1:], "+"), "-"))
	if n == "" || rest != "" || len(s)-len(n) > 2 {
		return 0, false
	}
	v, err := strconv.Atoi(s[1:])
	return v, err == nil && v > -math.MaxInt32/2 && v < math.MaxInt32/2
}

func assemble(negative bool, whole, frac string, exponent int, s string) (*apd.Decimal, error) {
	d := &apd.Decimal{Negative: negative}
	if len(whole)+len(frac) <= 18 {
		d.Coeff.SetUint64(small(whole)*powers[len(frac)].Uint64() + small(frac))
	} else if _, ok := d.Coeff.SetString(whole+frac, 10); !ok {
		return nil, ErrSyntax("numeric", s)
	}
	scale := len(frac) - exponent
	if d.Coeff.Sign() == 0 {
		d.Exponent = int32(-min(max(scale, 0), maxScale))
		return checked(d)
	}
	if significant := len(strings.TrimLeft(whole+frac, "0")); significant-scale > maxWhole {
		return nil, ErrNumericOverflow
	}
	switch {
	case scale < 0:
		d.Coeff.Mul(&d.Coeff, pow10(-scale))
		scale = 0
	case scale > maxScale+len(whole)+len(frac): // smaller than the smallest: zero
		d.Coeff.SetInt64(0)
		scale = maxScale
	}
	d.Exponent = int32(-scale)
	return checked(d)
}

func small(s string) (n uint64) {
	for i := range len(s) {
		n = n*10 + uint64(s[i]-'0')
	}
	return n
}

// AppendNumeric appends d as Postgres prints it: all digits of its scale, no exponent.
func AppendNumeric(dst []byte, d *apd.Decimal) []byte {
	switch {
	case isNaN(d):
		return append(dst, "NaN"...)
	case d.Form == apd.Infinite:
		return append(dst, infinity(d.Negative)...)
	}
	if d.Negative {
		dst = append(dst, '-')
	}
	start, scale := len(dst), Scale(d)
	dst = d.Coeff.Append(dst, 10)
	if scale == 0 {
		return dst
	}
	if missing := scale + 1 - (len(dst) - start); missing > 0 {
		n := len(dst) - start
		dst = append(dst, make([]byte, missing)...)
		copy(dst[start+missing:], dst[start:start+n])
		for i := range missing {
			dst[start+i] = '0'
		}
	}
	dst = append(dst, 0)
	point := len(dst) - 1 - scale
	copy(dst[point+1:], dst[point:])
	dst[point] = '.'
	return dst
}
