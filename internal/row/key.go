package row

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/cockroachdb/apd/v3"
)

// ErrCorrupt: bytes that AppendKey or AppendValue did not make. State that holds them is not ours or is damaged.
var ErrCorrupt = errors.New("row: corrupt encoding")

const (
	tagNull  = 0
	tagValue = 1
)

const microsPerDay = 24 * 60 * 60 * 1_000_000

// AppendKey appends v's encoding as part of a key (R3): what Postgres's GROUP BY takes as equal encodes equally. Format: docs/FORMATS.md.
func AppendKey(dst []byte, v Value, t Type) []byte {
	if v.Null {
		return append(dst, tagNull)
	}
	switch {
	case t == Float8:
		f := v.Float()
		if f == 0 {
			f = 0 // -0 and 0 are one group
		} else if math.IsNaN(f) {
			f = math.NaN()
		}
		v = OfFloat(f)
	case t == Numeric:
		v = OfRef(reduced(v.Decimal())) // 1.0 and 1.00 are one group
	case t == Interval:
		s := v.Span() // 1 mon and 30 days are one group
		days := int64(s.Months)*30 + int64(s.Days) + s.Micros/microsPerDay
		v = OfRef(Span{Days: int32(days), Micros: s.Micros % microsPerDay})
	case t.IsArray():
		a := v.Array()
		dst = binary.AppendUvarint(append(dst, tagValue), uint64(len(a)))
		for i := range a {
			dst = AppendKey(dst, a[i], t.Elem())
		}
		return dst
	}
	return AppendValue(dst, v, t)
}

// reduced is d without trailing zeros behind the point, and without an exponent before it: 12000 stays 12000.
func reduced(d *apd.Decimal) *apd.Decimal {
	r := new(apd.Decimal)
	r.Reduce(d)
	if r.Form == apd.Finite && r.Exponent > 0 {
		var scale apd.BigInt
		scale.Exp(apd.NewBigInt(10), apd.NewBigInt(int64(r.Exponent)), nil)
		r.Coeff.Mul(&r.Coeff, &scale)
		r.Exponent = 0
	}
	return r
}

// AppendValue appends v's exact encoding.
func AppendValue(dst []byte, v Value, t Type) []byte {
	if v.Null {
		return append(dst, tagNull)
	}
	dst = append(dst, tagValue)
	switch t.Rep() {
	case RepInt:
		return binary.AppendVarint(dst, v.N)
	case RepFloat:
		return binary.BigEndian.AppendUint64(dst, uint64(v.N))
	case RepText:
		return appendString(dst, v.S)
	}
	switch {
	case t == Numeric:
		return appendString(dst, v.Decimal().String())
	case t == Interval:
		s := v.Span()
		dst = binary.AppendVarint(dst, int64(s.Months))
		dst = binary.AppendVarint(dst, int64(s.Days))
		return binary.AppendVarint(dst, s.Micros)
	}
	a := v.Array()
	dst = binary.AppendUvarint(dst, uint64(len(a)))
	for i := range a {
		dst = AppendValue(dst, a[i], t.Elem())
	}
	return dst
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// DecodeValue reads what AppendKey or AppendValue wrote and returns the rest. Strings of the value point into src.
func DecodeValue(src []byte, t Type) (Value, []byte, error) {
	if len(src) == 0 || src[0] > tagValue {
		return Value{}, nil, ErrCorrupt
	}
	if src[0] == tagNull {
		return NullValue, src[1:], nil
	}
	r := reader{src: src[1:]}
	v := r.value(t)
	if r.bad {
		return Value{}, nil, ErrCorrupt
	}
	return v, r.src, nil
}

// reader takes an encoding apart; after the first thing that does not fit, bad is set and all that follows is zero.
type reader struct {
	src []byte
	bad bool
}

func (r *reader) value(t Type) Value {
	switch t.Rep() {
	case RepInt:
		return OfInt(r.varint())
	case RepFloat:
		return Value{N: int64(r.fixed())}
	case RepText:
		return OfText(r.text())
	}
	switch {
	case t == Numeric:
		d, _, err := apd.NewFromString(r.text())
		if err != nil {
			r.bad = true
			return Value{}
		}
		return OfRef(d)
	case t == Interval:
		return OfRef(Span{Months: int32(r.varint()), Days: int32(r.varint()), Micros: r.varint()})
	}
	return OfRef(r.array(t.Elem()))
}

func (r *reader) array(elem Type) []Value {
	n := r.uvarint()
	if n > uint64(len(r.src)) {
		r.bad = true
		return nil
	}
	a := make([]Value, n)
	for i := range a {
		v, rest, err := DecodeValue(r.src, elem)
		if err != nil {
			r.bad = true
			return nil
		}
		a[i], r.src = v, rest
	}
	return a
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.src)
	r.skip(n)
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.src)
	r.skip(n)
	return v
}

func (r *reader) fixed() uint64 {
	if len(r.src) < 8 {
		r.bad = true
		return 0
	}
	v := binary.BigEndian.Uint64(r.src)
	r.src = r.src[8:]
	return v
}

func (r *reader) text() string {
	n := r.uvarint()
	if r.bad || n > uint64(len(r.src)) {
		r.bad = true
		return ""
	}
	s := String(r.src[:n])
	r.src = r.src[n:]
	return s
}

func (r *reader) skip(n int) {
	if n <= 0 {
		r.bad = true
		return
	}
	r.src = r.src[n:]
}
