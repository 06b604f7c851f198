package sinks

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/cockroachdb/apd/v3"

	"github.com/millrace/millrace/internal/row"
)

// The sign field of a numeric on the wire; the infinities exist since Postgres 14.
const (
	numericPositive    = 0x0000
	numericNegative    = 0x4000
	numericNaN         = 0xC000
	numericInfinity    = 0xD000
	numericNegInfinity = 0xF000
)

// The bounds of the type: digits before the decimal point, and digits after it.
const (
	numericMaxInteger = 131072
	numericMaxScale   = 16383
)

// numericHeader is count of digits, weight, sign, scale: two bytes each; then come the digits, base 10,000, first one not zero, last one
// neither. So equal values differ in their scale only, which stands at numericScaleAt.
const (
	numericHeader  = 8
	numericScaleAt = 6
)

func encodeNumeric(dst []byte, v *row.Value, c *column) ([]byte, error) {
	d := v.Decimal()
	switch d.Form {
	case apd.Finite:
		var space [40]byte
		n := number{digits: d.Coeff.Append(space[:0], 10), exp: int(d.Exponent), negative: d.Negative}
		return n.encode(dst, c)
	case apd.Infinite:
		if !c.infinity || c.precision() > 0 {
			return dst, fmt.Errorf("%w: infinity does not fit the column", ErrRange)
		}
		sign := uint16(numericInfinity)
		if d.Negative {
			sign = numericNegInfinity
		}
		return appendNumericHeader(dst, 0, 0, sign, 0), nil
	}
	return appendNumericHeader(dst, 0, 0, numericNaN, 0), nil
}

func encodeIntAsNumeric(dst []byte, v *row.Value, c *column) ([]byte, error) {
	var space [20]byte
	magnitude := uint64(v.N)
	if v.N < 0 {
		magnitude = -magnitude
	}
	n := number{digits: strconv.AppendUint(space[:0], magnitude, 10), negative: v.N < 0}
	return n.encode(dst, c)
}

// encodeNumericAsFloat8 refuses what Postgres's cast refuses: too large, and so small that it would become zero.
func encodeNumericAsFloat8(dst []byte, v *row.Value, c *column) ([]byte, error) {
	d := v.Decimal()
	f, err := float8Of(d)
	if err != nil || f == 0 && !d.IsZero() {
		return dst, fmt.Errorf("%w: %s does not fit double precision", ErrRange, d)
	}
	at := row.OfFloat(f)
	return encodeFloat8(dst, &at, c)
}

func float8Of(d *apd.Decimal) (float64, error) {
	switch d.Form {
	case apd.Finite:
		return d.Float64()
	case apd.Infinite:
		if d.Negative {
			return math.Inf(-1), nil
		}
		return math.Inf(1), nil
	}
	return math.NaN(), nil
}

// number is digits · 10^exp; digits has no leading zero, except that zero is "0".
type number struct {
	digits   []byte
	exp      int
	negative bool
}

func (n number) encode(dst []byte, c *column) ([]byte, error) {
	scale := max(0, -n.exp)
	if scale > numericMaxScale {
		return dst, fmt.Errorf("%w: %d digits after the decimal point, numeric has at most %d", ErrRange, scale, numericMaxScale)
	}
	n.trim()
	if c.key {
		scale = max(0, -n.exp) // 1.5 and 1.50 are one key
	}
	if len(n.digits) == 0 {
		return appendNumericHeader(dst, 0, 0, numericPositive, scale), nil
	}
	if err := n.fits(c); err != nil {
		return dst, err
	}
	sign := uint16(numericPositive)
	if n.negative {
		sign = numericNegative
	}
	integer := len(n.digits) + n.exp
	weight := floorDiv(integer-1, 4)
	start := integer - 4*(weight+1) // of the first group: 0, or -1 to -3 where it begins with zeros that are not written
	count := (len(n.digits) - start + 3) / 4
	return n.appendGroups(appendNumericHeader(dst, count, weight, sign, scale), start), nil
}

// trim takes the trailing zeros off; zero becomes no digits at all.
func (n *number) trim() {
	end := len(n.digits)
	for end > 0 && n.digits[end-1] == '0' {
		end--
	}
	n.exp += len(n.digits) - end
	n.digits = n.digits[:end]
	if end == 0 {
		n.exp = 0
	}
}

func (n number) fits(c *column) error {
	integer := len(n.digits) + n.exp
	if integer > numericMaxInteger {
		return fmt.Errorf("%w: %d digits before the decimal point, numeric has at most %d", ErrRange, integer, numericMaxInteger)
	}
	precision, scale := c.precision(), c.scale()
	if precision == 0 {
		return nil
	}
	if integer > precision-scale {
		return fmt.Errorf("%w: %d digits before the decimal point where numeric(%d,%d) has %d", ErrRange, integer, precision, scale, precision-scale)
	}
	if c.key && -n.exp > scale {
		return fmt.Errorf("%w: it has %d digits after the decimal point, the column %d", ErrInexactKey, -n.exp, scale)
	}
	return nil
}

// appendGroups writes four decimal digits a group; digits before the first and after the last are zeros.
func (n number) appendGroups(dst []byte, at int) []byte {
	for ; at < len(n.digits); at += 4 {
		group := uint16(0)
		for i := at; i < at+4; i++ {
			group *= 10
			if i >= 0 && i < len(n.digits) {
				group += uint16(n.digits[i] - '0')
			}
		}
		dst = binary.BigEndian.AppendUint16(dst, group)
	}
	return dst
}

func appendNumericHeader(dst []byte, count, weight int, sign uint16, scale int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(count))
	dst = binary.BigEndian.AppendUint16(dst, uint16(int16(weight)))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	return binary.BigEndian.AppendUint16(dst, uint16(scale))
}

func floorDiv(a, b int) int {
	if a < 0 {
		return -((-a + b - 1) / b)
	}
	return a / b
}
