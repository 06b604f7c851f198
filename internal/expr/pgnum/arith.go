package pgnum

import (
	"cmp"

	"github.com/cockroachdb/apd/v3"
)

// Compare orders as Postgres does: by value whatever the scale, NaN equal to itself and greater than all else.
func Compare(x, y *apd.Decimal) int {
	if x.Form != apd.Finite || y.Form != apd.Finite {
		return cmp.Compare(rank(x), rank(y))
	}
	if s := cmp.Compare(Sign(x), Sign(y)); s != 0 {
		return s
	}
	a, b := align(x, y)
	c := a.Cmp(b)
	if x.Negative {
		return -c
	}
	return c
}

func rank(d *apd.Decimal) int {
	switch {
	case isNaN(d):
		return 2
	case d.Form == apd.Finite:
		return 0
	case d.Negative:
		return -1
	}
	return 1
}

// Sign returns -1, 0 or 1; NaN counts as positive.
func Sign(d *apd.Decimal) int {
	switch {
	case d.Form == apd.Finite && d.Coeff.Sign() == 0:
		return 0
	case d.Negative && !isNaN(d):
		return -1
	}
	return 1
}

// align returns the coefficients of two finite numerics at their larger scale; one of them may be the operand's own.
func align(x, y *apd.Decimal) (a, b *apd.BigInt) {
	a, b = &x.Coeff, &y.Coeff
	switch n := Scale(x) - Scale(y); {
	case n > 0:
		b = new(apd.BigInt).Mul(b, pow10(n))
	case n < 0:
		a = new(apd.BigInt).Mul(a, pow10(-n))
	}
	return a, b
}

// Add returns x + y.
func Add(x, y *apd.Decimal) (*apd.Decimal, error) {
	if x.Form != apd.Finite || y.Form != apd.Finite {
		return addSpecial(x, y), nil
	}
	a, b := align(x, y)
	d := &apd.Decimal{Negative: x.Negative, Exponent: min(x.Exponent, y.Exponent)}
	if x.Negative == y.Negative {
		d.Coeff.Add(a, b)
		return checked(d)
	}
	if a.Cmp(b) < 0 {
		a, b, d.Negative = b, a, y.Negative
	}
	d.Coeff.Sub(a, b)
	return checked(d)
}

func addSpecial(x, y *apd.Decimal) *apd.Decimal {
	switch {
	case isNaN(x) || isNaN(y), rank(x)*rank(y) == -1:
		return NaN()
	case x.Form == apd.Infinite:
		return inf(x.Negative)
	}
	return inf(y.Negative)
}

// Sub returns x - y.
func Sub(x, y *apd.Decimal) (*apd.Decimal, error) { return Add(x, Neg(y)) }

// Neg returns -x.
func Neg(x *apd.Decimal) *apd.Decimal {
	d := &apd.Decimal{Form: x.Form, Negative: !x.Negative && Sign(x) != 0 && !isNaN(x), Exponent: x.Exponent}
	d.Coeff.Set(&x.Coeff)
	return d
}

// Abs returns the absolute value.
func Abs(x *apd.Decimal) *apd.Decimal {
	if x.Negative {
		return Neg(x)
	}
	return x
}

// Mul returns x * y; its scale is the sum of theirs.
func Mul(x, y *apd.Decimal) (*apd.Decimal, error) {
	if x.Form != apd.Finite || y.Form != apd.Finite {
		if isNaN(x) || isNaN(y) || Sign(x)*Sign(y) == 0 {
			return NaN(), nil
		}
		return inf(x.Negative != y.Negative), nil
	}
	d := &apd.Decimal{Negative: x.Negative != y.Negative, Exponent: x.Exponent + y.Exponent}
	d.Coeff.Mul(&x.Coeff, &y.Coeff)
	return checked(d)
}

// Div returns x / y at the scale that Postgres chooses (select_div_scale).
func Div(x, y *apd.Decimal) (*apd.Decimal, error) {
	switch {
	case isNaN(x) || isNaN(y):
		return NaN(), nil
	case Sign(y) == 0:
		return nil, ErrDivisionByZero
	case x.Form == apd.Infinite && y.Form == apd.Infinite:
		return NaN(), nil
	case x.Form == apd.Infinite:
		return inf(x.Negative != y.Negative), nil
	case y.Form == apd.Infinite:
		return FromInt(0), nil
	}
	return checked(divide(x, y, divScale(x, y)))
}

// divide rounds x / y half away from zero to a scale that is at least x's.
func divide(x, y *apd.Decimal, scale int) *apd.Decimal {
	d := &apd.Decimal{Negative: x.Negative != y.Negative, Exponent: int32(-scale)}
	var n, rest apd.BigInt
	n.Mul(&x.Coeff, pow10(scale-Scale(x)+Scale(y)))
	d.Coeff.QuoRem(&n, &y.Coeff, &rest)
	if rest.Add(&rest, &rest).Cmp(&y.Coeff) >= 0 {
		d.Coeff.Add(&d.Coeff, &powers[0])
	}
	return d
}

// divScale is Postgres's select_div_scale: at least 16 significant digits, counted in its base-10000 digits.
func divScale(x, y *apd.Decimal) int {
	wx, dx := leading(x)
	wy, dy := leading(y)
	weight := wx - wy
	if dx <= dy {
		weight--
	}
	scale := minSigDigits - weight*decDigits
	return min(max(scale, Scale(x), Scale(y), 0), maxDisplayScale)
}

// leading returns the weight and the value of the first base-10000 digit that is not zero.
func leading(d *apd.Decimal) (weight int, digit int64) {
	if d.Coeff.Sign() == 0 {
		return 0, 0
	}
	n := int(apd.NumDigits(&d.Coeff))
	exponent := n - 1 - Scale(d) // of the first decimal digit
	weight = floorDiv(exponent, decDigits)
	keep := exponent - weight*decDigits + 1
	var q apd.BigInt
	if n >= keep {
		q.Quo(&d.Coeff, pow10(n-keep))
	} else {
		q.Mul(&d.Coeff, pow10(keep-n))
	}
	return weight, q.Int64()
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Mod returns the remainder of the division of x by y that truncates; it has x's sign.
func Mod(x, y *apd.Decimal) (*apd.Decimal, error) {
	switch {
	case isNaN(x) || isNaN(y):
		return NaN(), nil
	case Sign(y) == 0:
		return nil, ErrDivisionByZero
	case x.Form == apd.Infinite:
		return NaN(), nil
	case y.Form == apd.Infinite:
		return x, nil
	}
	a, b := align(x, y)
	d := &apd.Decimal{Negative: x.Negative, Exponent: min(x.Exponent, y.Exponent)}
	d.Coeff.Rem(a, b)
	return checked(d)
}
