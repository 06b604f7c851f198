package pgnum

import (
	"math"

	"github.com/cockroachdb/apd/v3"
)

// The scale of a result is Postgres's choice; its digits come from apd with more precision than that, rounded once.

func finiteContext(digits int) *apd.Context {
	c := apd.BaseContext.WithPrecision(uint32(max(digits, 0) + 30))
	c.Rounding = apd.RoundHalfUp
	c.MaxExponent, c.MinExponent = apd.MaxExponent, apd.MinExponent
	return c
}

// fit brings a result of apd to a scale.
func fit(d *apd.Decimal, scale int) (*apd.Decimal, error) {
	if d.Form != apd.Finite {
		return nil, ErrNumericOverflow
	}
	if d.Exponent > 0 {
		if int64(d.Exponent)+apd.NumDigits(&d.Coeff) > maxWhole {
			return nil, ErrNumericOverflow
		}
		d.Coeff.Mul(&d.Coeff, pow10(int(d.Exponent)))
		d.Exponent = 0
	}
	return checked(Round(d, scale))
}

func displayScale(scale, least int) int { return min(max(scale, least, 0), maxDisplayScale) }

// Sqrt returns the square root.
func Sqrt(x *apd.Decimal) (*apd.Decimal, error) {
	switch {
	case isNaN(x):
		return x, nil
	case Sign(x) < 0:
		return nil, ErrNegativeSqrt
	case x.Form == apd.Infinite:
		return x, nil
	}
	weight, _ := leading(x)
	scale := displayScale(minSigDigits-((weight+1)*decDigits/2-1), Scale(x))
	var n apd.BigInt
	n.Mul(&x.Coeff, pow10(2*scale+2-Scale(x)))
	d := &apd.Decimal{Exponent: int32(-scale - 1)}
	d.Coeff.Sqrt(&n) // one digit more than is wanted: rounding looks only at it
	return Round(d, scale), nil
}

// DivTrunc returns the whole part of x / y.
func DivTrunc(x, y *apd.Decimal) (*apd.Decimal, error) {
	if x.Form != apd.Finite || y.Form != apd.Finite || Sign(y) == 0 {
		return Div(x, y)
	}
	a, b := align(x, y)
	d := &apd.Decimal{Negative: x.Negative != y.Negative}
	d.Coeff.Quo(a, b)
	return checked(d)
}

// Exp returns e^x.
func Exp(x *apd.Decimal) (*apd.Decimal, error) {
	if x.Form != apd.Finite {
		if x.Form == apd.Infinite && x.Negative {
			return FromInt(0), nil
		}
		return x, nil
	}
	f, err := ToFloat(x)
	if err != nil || f > maxWhole*3 {
		return nil, ErrNumericOverflow
	}
	weight := min(max(f*0.434294481903252, -maxResultScale), maxResultScale)
	scale := displayScale(minSigDigits-int(weight), Scale(x))
	if f < -maxResultScale*3 {
		return FromScaled(0, scale), nil
	}
	d := new(apd.Decimal)
	if _, err := finiteContext(scale+int(math.Abs(weight))).Exp(d, x); err != nil {
		return nil, ErrNumericOverflow
	}
	return fit(d, scale)
}

// Ln returns the natural logarithm.
func Ln(x *apd.Decimal) (*apd.Decimal, error) {
	switch {
	case isNaN(x):
		return x, nil
	case Sign(x) < 0:
		return nil, ErrLogNegative
	case Sign(x) == 0:
		return nil, ErrLogZero
	case x.Form == apd.Infinite:
		return x, nil
	}
	scale := displayScale(minSigDigits-lnWeight(x), Scale(x))
	d := new(apd.Decimal)
	if _, err := finiteContext(scale+40).Ln(d, x); err != nil {
		return nil, ErrNumericOverflow
	}
	return fit(d, scale)
}

// lnWeight is Postgres's estimate of the decimal weight of ln(x) (estimate_ln_dweight).
func lnWeight(x *apd.Decimal) int {
	if Compare(x, FromScaled(9, 1)) >= 0 && Compare(x, FromScaled(11, 1)) <= 0 {
		rest, _ := Sub(x, FromInt(1)) // within 0.1
		if Sign(rest) == 0 {
			return 0
		}
		w, digit := leading(rest)
		return w*decDigits + int(math.Log10(float64(digit)))
	}
	digits, power := leadingTwo(x)
	ln := math.Log(digits) + float64(power)*2.302585092994046
	return int(math.Log10(math.Abs(ln)))
}

// leadingTwo returns the first two base-10000 digits as one number, and the power of ten that it is to be multiplied by.
func leadingTwo(x *apd.Decimal) (digits float64, power int) {
	weight, first := leading(x)
	power = weight * decDigits
	n := int(apd.NumDigits(&x.Coeff))
	lowest := floorDiv(-Scale(x), decDigits) // the weight of the last base-10000 digit
	if lowest >= weight {
		return float64(first), power
	}
	power -= decDigits
	var q apd.BigInt
	if cut := Scale(x) + power; cut >= 0 {
		q.Quo(&x.Coeff, pow10(min(cut, n)))
	} else {
		q.Mul(&x.Coeff, pow10(-cut))
	}
	return float64(q.Int64()), power
}

// Power returns x^y.
func Power(x, y *apd.Decimal) (*apd.Decimal, error) {
	if x.Form != apd.Finite || y.Form != apd.Finite {
		return powerSpecial(x, y)
	}
	whole := Compare(y, Trunc(y, 0)) == 0
	switch {
	case Sign(x) == 0 && Sign(y) < 0:
		return nil, ErrZeroToNegative
	case Sign(x) < 0 && !whole:
		return nil, ErrNegativeToFrac
	case Sign(y) == 0:
		return Round(FromInt(1), displayScale(minSigDigits, Scale(x))), nil
	case Sign(x) == 0:
		return FromScaled(0, displayScale(minSigDigits, Scale(x))), nil
	}
	weight, err := powerWeight(x, y)
	if err != nil {
		return nil, err
	}
	scale := displayScale(minSigDigits, Scale(x))
	if !whole {
		scale = displayScale(minSigDigits-weight, max(Scale(x), Scale(y)))
	}
	if weight < -maxResultScale {
		return FromScaled(0, scale), nil
	}
	d := new(apd.Decimal)
	if _, err := finiteContext(scale+max(weight, 0)).Pow(d, x, y); err != nil {
		return nil, ErrNumericOverflow
	}
	return fit(d, scale)
}

// powerWeight estimates the decimal weight of |x|^y, and refuses what cannot be stored.
func powerWeight(x, y *apd.Decimal) (int, error) {
	f, err := ToFloat(y)
	if err != nil {
		return 0, ErrNumericOverflow
	}
	digits, power := leadingTwo(x)
	w := f * (math.Log10(digits) + float64(power))
	if w > maxWhole {
		return 0, ErrNumericOverflow
	}
	return int(max(w, -maxWhole)), nil
}

func powerSpecial(x, y *apd.Decimal) (*apd.Decimal, error) {
	switch {
	case Sign(y) == 0 || Compare(x, FromInt(1)) == 0:
		return FromInt(1), nil
	case isNaN(x) || isNaN(y):
		return NaN(), nil
	}
	a, _ := ToFloat(x) // only its class counts
	b, _ := ToFloat(y)
	f, err := PowerFloat(a, b)
	if err != nil {
		return nil, err
	}
	return FromFloat(f)
}
