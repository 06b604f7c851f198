package decode

import (
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/millrace/millrace/internal/row"
)

// value reads one value, not null, into a slot. It returns the offset after it.
func (d *objects) value(b []byte, i int, s *slot, out *row.Value) int {
	switch s.typ {
	case row.Int8:
		return d.integer(b, i, s, math.MinInt64, math.MaxInt64, out)
	case row.Int4:
		return d.integer(b, i, s, math.MinInt32, math.MaxInt32, out)
	case row.Int2:
		return d.integer(b, i, s, math.MinInt16, math.MaxInt16, out)
	case row.Text:
		v, end := d.text(b, i, s)
		if end >= 0 {
			*out = row.OfText(row.String(v))
		}
		return end
	case row.Bool:
		return d.boolean(b, i, s, out)
	case row.Float8:
		return d.float(b, i, s, out)
	case row.Numeric:
		return d.numeric(b, i, s, out)
	case row.TimestampTZ, row.Timestamp, row.Date, row.Interval:
		return d.time(b, i, s, out)
	}
	return d.array(b, i, s, out)
}

// wrongType says what was found instead of the slot's type, and what to do about it where that is not plain.
func (d *objects) wrongType(b []byte, i int, s *slot) int {
	if i >= len(b) {
		return d.broken(b, i, "want a value")
	}
	what := found(b[i])
	msg := "want " + s.typ.String() + ", found " + what
	switch {
	case what == "":
		return d.broken(b, i, "want a value")
	case s.typ == row.Text && (what == "object" || what == "array"):
		msg += "; name its parts by path, as {type: text, path: $." + s.path + ".name}"
	case s.typ == row.Text && what == "number":
		msg += "; declare numeric and cast it to text"
	case what == "number" && (s.typ == row.TimestampTZ || s.typ == row.Timestamp || s.typ == row.Date):
		msg += "; declare bigint and use to_timestamp"
	}
	return d.fail(s.path, msg)
}

// found names a JSON value by its first byte; "" if no value begins so.
func found(c byte) string {
	switch {
	case c == '"':
		return "string"
	case c == '{':
		return "object"
	case c == '[':
		return "array"
	case c == '-' || c-'0' <= 9:
		return "number"
	case c == 't' || c == 'f':
		return "boolean"
	case c == 'n':
		return "null"
	}
	return fmt.Sprintf("%q", c)
}

func (d *objects) boolean(b []byte, i int, s *slot, out *row.Value) int {
	word := "true"
	if b[i] == 'f' {
		word = "false"
	} else if b[i] != 't' {
		return d.wrongType(b, i, s)
	}
	*out = row.OfBool(b[i] == 't')
	return d.literal(b, i, word)
}

// text reads a string: a part of the value where it has no escapes, unescaped in the arena where it has.
func (d *objects) text(b []byte, i int, s *slot) (v []byte, next int) {
	if b[i] != '"' {
		return nil, d.wrongType(b, i, s)
	}
	end, ascii, plain := text(b, i+1)
	switch {
	case !plain:
		if v, next = d.unescape(b, i+1, true); next < 0 {
			if d.err.Msg == noNUL || d.err.Msg == halfPair {
				d.err.Path = s.path
			}
			return nil, next
		}
		if ascii = false; utf8.Valid(v) {
			return v, next
		}
	case end >= len(b) || b[end] != '"':
		return nil, d.badText(b, end)
	default:
		v, next = b[i+1:end], end+1
	}
	if !ascii && !utf8.Valid(v) {
		return nil, d.fail(s.path, badUTF8)
	}
	return v, next
}

// integer reads plain integer notation: 1.0 and 1e3 are no integers here, since a field that sometimes has them is not one of integers.
func (d *objects) integer(b []byte, i int, s *slot, least, most int64, out *row.Value) int {
	from, sign := i, int64(1)
	if b[i] == '-' {
		sign, i = -1, i+1
	}
	n, start := int64(0), i
	for i < len(b) && b[i]-'0' <= 9 && i-start < 18 {
		n = n*10 + int64(b[i]-'0')
		i++
	}
	if i == start || b[start] == '0' && i > start+1 || i < len(b) && (b[i]-'0' <= 9 || b[i] == '.' || b[i]|0x20 == 'e') {
		return d.oddInteger(b, from, s, least, most, out)
	}
	if n *= sign; n < least || n > most {
		return d.outOfRange(b[from:i], s)
	}
	*out = row.OfInt(n)
	return i
}

// oddInteger deals with what is not a number of up to 18 digits.
func (d *objects) oddInteger(b []byte, i int, s *slot, least, most int64, out *row.Value) int {
	if found(b[i]) != "number" {
		return d.wrongType(b, i, s)
	}
	end, whole := number(b, i)
	switch {
	case end < 0:
		return d.broken(b, i, "want a number")
	case !whole:
		return d.fail(s.path, fmt.Sprintf("want %s, found the number %s; declare numeric or double precision", s.typ, clip(b[i:end])))
	}
	n, ok := parseInt(b[i:end])
	if !ok || n < least || n > most {
		return d.outOfRange(b[i:end], s)
	}
	*out = row.OfInt(n)
	return end
}

func (d *objects) outOfRange(b []byte, s *slot) int {
	return d.fail(s.path, fmt.Sprintf("%s is out of range for %s", clip(b), s.typ))
}

// clip shortens what goes into a message.
func clip(b []byte) string {
	if len(b) > 40 {
		return string(b[:40]) + "…"
	}
	return string(b)
}
