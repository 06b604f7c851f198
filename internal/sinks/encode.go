package sinks

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/internal/row"
)

// encoder appends the binary form of one value that is not NULL, as the receive function of the column's type reads it. What it has appended
// when it returns an error is cut off by its caller.
type encoder func(dst []byte, v *row.Value, c *column) ([]byte, error)

// From the Unix epoch to Postgres's, 2000-01-01.
const (
	epochDays   = 10957
	epochMicros = epochDays * 24 * 60 * 60 * 1_000_000
	dayMicros   = 24 * 60 * 60 * 1_000_000
)

// What Postgres's dates and timestamps can hold, on its own scale: from 4714-11-24 BC; the upper end of timestamps lies past our own (int64
// microseconds since 1970), so it cannot be missed.
const (
	dateMin      = -2451545
	dateEnd      = 2145031949 // exclusive
	timestampMin = -211813488000000000
)

func encodeBool(dst []byte, v *row.Value, _ *column) ([]byte, error) {
	return append(dst, byte(v.N)), nil
}

func encodeInt2(dst []byte, v *row.Value, _ *column) ([]byte, error) {
	if v.N != int64(int16(v.N)) {
		return dst, fmt.Errorf("%w: %d does not fit smallint", ErrRange, v.N)
	}
	return binary.BigEndian.AppendUint16(dst, uint16(v.N)), nil
}

func encodeInt4(dst []byte, v *row.Value, _ *column) ([]byte, error) {
	if v.N != int64(int32(v.N)) {
		return dst, fmt.Errorf("%w: %d does not fit integer", ErrRange, v.N)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(v.N)), nil
}

func encodeInt8(dst []byte, v *row.Value, _ *column) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, uint64(v.N)), nil
}

func encodeIntAsFloat8(dst []byte, v *row.Value, _ *column) ([]byte, error) {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(float64(v.N))), nil
}

// encodeFloat8 gives keys one form where Postgres sees one value: -0 equals 0, and every NaN every other.
func encodeFloat8(dst []byte, v *row.Value, c *column) ([]byte, error) {
	f := v.Float()
	if c.key && f == 0 {
		f = 0
	} else if c.key && f != f {
		f = math.NaN()
	}
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(f)), nil
}

func encodeText(dst []byte, v *row.Value, _ *column) ([]byte, error) {
	if err := checkText(v.S); err != nil {
		return dst, err
	}
	return append(dst, v.S...), nil
}

// encodeVarchar does what an assignment to varchar(n) does: it is an error to be longer, except by blanks, which go. For keys the
// cut must be made here (K5), so it is made for all.
func encodeVarchar(dst []byte, v *row.Value, c *column) ([]byte, error) {
	if err := checkText(v.S); err != nil {
		return dst, err
	}
	s, err := fitLength(v.S, int(c.typmod)-4)
	return append(dst, s...), err
}

// encodeChar leaves the padding to Postgres: trailing blanks mean nothing in char(n), so that keys that differ by them are one.
func encodeChar(dst []byte, v *row.Value, c *column) ([]byte, error) {
	if err := checkText(v.S); err != nil {
		return dst, err
	}
	s, err := fitLength(v.S, int(c.typmod)-4)
	return append(dst, strings.TrimRight(s, " ")...), err
}

// fitLength cuts the blanks that pass limit characters; anything else there is an error. A negative limit is none.
func fitLength(s string, limit int) (string, error) {
	if limit < 0 || len(s) <= limit {
		return s, nil
	}
	end := 0
	for n := 0; n < limit && end < len(s); n++ {
		_, size := utf8.DecodeRuneInString(s[end:])
		end += size
	}
	if strings.Trim(s[end:], " ") != "" {
		return s, fmt.Errorf("%w: %d characters where %d fit", ErrTooLong, utf8.RuneCountInString(s), limit)
	}
	return s[:end], nil
}

func checkText(s string) error {
	if strings.IndexByte(s, 0) >= 0 {
		return fmt.Errorf("%w: it contains a NUL character", ErrText)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: it is not valid UTF-8", ErrText)
	}
	return nil
}

func encodeBytea(dst []byte, v *row.Value, _ *column) ([]byte, error) {
	return append(dst, v.S...), nil
}

// encodeJSONB writes the version of jsonb's wire format, then the text.
func encodeJSONB(dst []byte, v *row.Value, c *column) ([]byte, error) {
	return encodeText(append(dst, 1), v, c)
}

func encodeDate(dst []byte, v *row.Value, _ *column) ([]byte, error) {
	days := int32(0)
	switch {
	case v.N == row.PosInfinity:
		days = math.MaxInt32
	case v.N == row.NegInfinity:
		days = math.MinInt32
	case v.N < dateMin+epochDays || v.N >= dateEnd+epochDays:
		return dst, fmt.Errorf("%w: date %d days from 1970-01-01", ErrRange, v.N)
	default:
		days = int32(v.N - epochDays)
	}
	return binary.BigEndian.AppendUint32(dst, uint32(days)), nil
}

func encodeTimestamp(dst []byte, v *row.Value, c *column) ([]byte, error) {
	micros := v.N // infinities are the same numbers on both scales
	if v.N != row.PosInfinity && v.N != row.NegInfinity {
		if v.N < timestampMin+epochMicros {
			return dst, fmt.Errorf("%w: timestamp %d microseconds from 1970-01-01", ErrRange, v.N)
		}
		if c.key && c.typmod >= 0 && c.typmod < 6 && v.N%fraction[c.typmod] != 0 {
			return dst, fmt.Errorf("%w: it has more than %d digits of a second", ErrInexactKey, c.typmod)
		}
		micros = v.N - epochMicros
	}
	return binary.BigEndian.AppendUint64(dst, uint64(micros)), nil
}

// fraction is the microseconds in the last digit of timestamp(p).
var fraction = [...]int64{1_000_000, 100_000, 10_000, 1000, 100, 10}

// encodeDateAsTimestamp is midnight of the date.
func encodeDateAsTimestamp(dst []byte, v *row.Value, c *column) ([]byte, error) {
	at := row.Value{N: v.N}
	if v.N != row.PosInfinity && v.N != row.NegInfinity {
		if v.N > math.MaxInt64/dayMicros || v.N < math.MinInt64/dayMicros {
			return dst, fmt.Errorf("%w: date %d days from 1970-01-01 does not fit timestamp", ErrRange, v.N)
		}
		at.N = v.N * dayMicros
	}
	return encodeTimestamp(dst, &at, c)
}

func encodeInterval(dst []byte, v *row.Value, _ *column) ([]byte, error) {
	s := v.Span()
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.Micros))
	dst = binary.BigEndian.AppendUint32(dst, uint32(s.Days))
	return binary.BigEndian.AppendUint32(dst, uint32(s.Months)), nil
}
