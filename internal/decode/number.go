package decode

import (
	"math"
	"strconv"

	"github.com/cockroachdb/apd/v3"
	"github.com/millrace/millrace/internal/row"
)

func parseInt(b []byte) (n int64, ok bool) {
	n, err := strconv.ParseInt(row.String(b), 10, 64)
	return n, err == nil
}

// maxDigits bounds a numeric's text: what is longer is an attack or a mistake.
const maxDigits = 5000

// decimal takes a number apart: its digits as an integer, and how many of them follow the point. ok is false if it has an exponent, or
// more digits than are sure to fit.
func decimal(b []byte) (digits int64, scale int, negative, ok bool) {
	if b[0] == '-' {
		negative, b = true, b[1:]
	}
	if len(b) > 19 { // 18 digits and the point
		return 0, 0, false, false
	}
	point := len(b) - 1
	for i, c := range b {
		switch {
		case c == '.':
			point = i
		case c-'0' > 9:
			return 0, 0, false, false
		default:
			digits = digits*10 + int64(c-'0')
		}
	}
	return digits, len(b) - 1 - point, negative, len(b) < 19 || point < len(b)-1
}

var tens = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// float reads any number. Short ones are exact by one division, since both numbers are exact; the others are strconv's.
func (d *objects) float(b []byte, i int, s *slot, out *row.Value) int {
	if found(b[i]) != "number" {
		return d.wrongType(b, i, s)
	}
	end, _ := number(b, i)
	if end < 0 {
		return d.broken(b, i, "want a number")
	}
	if n, scale, negative, ok := decimal(b[i:end]); ok && n <= 1<<53 {
		f := float64(n) / tens[scale]
		if negative {
			f = -f
		}
		*out = row.OfFloat(f)
		return end
	}
	f, err := strconv.ParseFloat(row.String(b[i:end]), 64)
	if err != nil || f == 0 && !zero(b[i:end]) || math.IsInf(f, 0) {
		return d.outOfRange(b[i:end], s)
	}
	*out = row.OfFloat(f)
	return end
}

// zero tells whether a number's digits before the exponent are all 0: then it is no underflow.
func zero(b []byte) bool {
	for _, c := range b {
		if c|0x20 == 'e' {
			break
		}
		if c >= '1' && c <= '9' {
			return false
		}
	}
	return true
}

// numeric reads any number exactly, with the digits after the point that it was written with.
func (d *objects) numeric(b []byte, i int, s *slot, out *row.Value) int {
	if found(b[i]) != "number" {
		return d.wrongType(b, i, s)
	}
	end, _ := number(b, i)
	switch {
	case end < 0:
		return d.broken(b, i, "want a number")
	case end-i > maxDigits:
		return d.outOfRange(b[i:end], s)
	}
	if n, scale, negative, ok := decimal(b[i:end]); ok {
		v := apd.New(n, -int32(scale))
		v.Negative = negative && n != 0
		*out = row.OfRef(v)
		return end
	}
	v, err := parse(row.String(b[i:end]), row.Numeric)
	if err != nil {
		return d.refuse(s, err)
	}
	*out = v
	return end
}

// refuse is an error of a value that has the right JSON type.
func (d *objects) refuse(s *slot, err error) int {
	d.err = &Error{Path: s.path, Msg: "want " + s.typ.String(), Err: err}
	return -1
}
