package pgnum

import (
	"math"

	"github.com/cockroachdb/apd/v3"
)

// Go's Pow, Exp and Log are off by one in the last place now and then where C's are not. These compute with 40 digits and round once, which
// is what the C library gives but for arguments closer to the middle of two doubles than it can tell. They are slow (some microseconds).

const preciseDigits = 40

func precise(approx float64, f func(c *apd.Context, d *apd.Decimal) error) float64 {
	if approx == 0 || math.IsInf(approx, 0) || math.IsNaN(approx) {
		return approx
	}
	d := new(apd.Decimal)
	if err := f(finiteContext(preciseDigits-30), d); err != nil {
		return approx
	}
	v, err := d.Float64()
	if err != nil {
		return approx
	}
	return v
}

// exact gives all digits of a double.
func exact(f float64) *apd.Decimal {
	m, e := math.Frexp(f)
	d := FromInt(int64(m * (1 << 53)))
	e -= 53
	if e >= 0 {
		d.Coeff.Mul(&d.Coeff, new(apd.BigInt).Lsh(apd.NewBigInt(1), uint(e)))
		return d
	}
	d.Coeff.Mul(&d.Coeff, new(apd.BigInt).Exp(apd.NewBigInt(5), apd.NewBigInt(int64(-e)), nil))
	d.Exponent = int32(e)
	return d
}

func power(x, y float64) float64 {
	z := math.Pow(x, y)
	switch {
	case y == 0 || y == 1 || y == -1 || math.IsInf(y, 0):
		return z
	case y == 2:
		return x * x
	case x < 0: // y is whole
		return math.Copysign(power(-x, y), z)
	}
	return precise(z, func(c *apd.Context, d *apd.Decimal) error {
		_, err := c.Pow(d, exact(x), exact(y))
		return err
	})
}

// ExpFloat is e^x.
func ExpFloat(x float64) float64 {
	return precise(math.Exp(x), func(c *apd.Context, d *apd.Decimal) error {
		_, err := c.Exp(d, exact(x))
		return err
	})
}

// LnFloat is the natural logarithm of a positive number.
func LnFloat(x float64) float64 {
	return precise(math.Log(x), func(c *apd.Context, d *apd.Decimal) error {
		_, err := c.Ln(d, exact(x))
		return err
	})
}
