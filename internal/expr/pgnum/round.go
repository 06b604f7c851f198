package pgnum

import (
	"fmt"
	"math"
	"strconv"

	"github.com/cockroachdb/apd/v3"
)

// Round rounds half away from zero to a number of digits after the point; a negative one rounds before it.
func Round(x *apd.Decimal, scale int) *apd.Decimal { return rescale(x, scale, true) }

// Trunc cuts digits off; see Round.
func Trunc(x *apd.Decimal, scale int) *apd.Decimal { return rescale(x, scale, false) }

func rescale(x *apd.Decimal, scale int, round bool) *apd.Decimal {
	if x.Form != apd.Finite || Scale(x) == scale {
		return x
	}
	scale = max(scale, -maxWhole)
	d := &apd.Decimal{Negative: x.Negative, Exponent: int32(-max(scale, 0))}
	if cut := Scale(x) - scale; cut > 0 {
		var rest apd.BigInt
		unit := pow10(cut)
		d.Coeff.QuoRem(&x.Coeff, unit, &rest)
		if round && rest.Add(&rest, &rest).Cmp(unit) >= 0 {
			d.Coeff.Add(&d.Coeff, &powers[0])
		}
	} else {
		d.Coeff.Mul(&x.Coeff, pow10(-cut))
	}
	if scale < 0 {
		d.Coeff.Mul(&d.Coeff, pow10(-scale))
	}
	if d.Coeff.Sign() == 0 {
		d.Negative = false
	}
	return d
}

// LimitScale holds the second argument of round and trunc within Postgres's bounds.
func LimitScale(n int64) int { return int(min(max(n, -maxWhole), maxScale)) }

// Floor returns the largest whole number that is not above x.
func Floor(x *apd.Decimal) *apd.Decimal { return towards(x, true) }

// Ceil returns the smallest whole number that is not below x.
func Ceil(x *apd.Decimal) *apd.Decimal { return towards(x, false) }

func towards(x *apd.Decimal, down bool) *apd.Decimal {
	d := Trunc(x, 0)
	if x.Form != apd.Finite || Compare(d, x) == 0 || x.Negative != down {
		return d
	}
	d.Coeff.Add(&d.Coeff, &powers[0])
	d.Negative = x.Negative
	return d
}

// ApplyTypmod fits x into numeric(precision, scale).
func ApplyTypmod(x *apd.Decimal, precision, scale int) (*apd.Decimal, error) {
	if isNaN(x) {
		return x, nil
	}
	if x.Form == apd.Finite {
		d := Round(x, scale)
		if d.Coeff.Sign() == 0 || int(apd.NumDigits(&d.Coeff))-Scale(d) <= precision-scale {
			return d, nil
		}
	}
	return nil, ErrFieldOverflow
}

// NumericToInt rounds half away from zero.
func (t Int) NumericToInt(x *apd.Decimal) (int64, error) {
	switch {
	case isNaN(x):
		return 0, fmt.Errorf("cannot convert NaN to %s", t.Name)
	case x.Form == apd.Infinite:
		return 0, fmt.Errorf("cannot convert infinity to %s", t.Name)
	}
	d := Round(x, 0)
	if d.Coeff.IsInt64() {
		n := d.Coeff.Int64()
		if d.Negative {
			n = -n
		}
		if t.Fits(n) {
			return n, nil
		}
	} else if d.Negative && t.Min == math.MinInt64 && d.Coeff.IsUint64() && d.Coeff.Uint64() == 1<<63 {
		return math.MinInt64, nil
	}
	return 0, t.Range
}

// ToFloat returns the double precision that is nearest to x.
func ToFloat(x *apd.Decimal) (float64, error) {
	switch {
	case isNaN(x):
		return math.NaN(), nil
	case x.Form == apd.Infinite && x.Negative:
		return math.Inf(-1), nil
	case x.Form == apd.Infinite:
		return math.Inf(1), nil
	}
	var buf [64]byte
	return ParseFloat(string(AppendNumeric(buf[:0], x)))
}

// FromFloat keeps 15 significant digits, as Postgres does.
func FromFloat(f float64) (*apd.Decimal, error) {
	switch {
	case math.IsNaN(f):
		return NaN(), nil
	case math.IsInf(f, 0):
		return inf(f < 0), nil
	}
	return ParseNumeric(strconv.FormatFloat(f, 'g', 15, 64))
}
