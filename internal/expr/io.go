package expr

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/millrace/millrace/internal/expr/pgnum"
	"github.com/millrace/millrace/internal/expr/pgtime"
	"github.com/millrace/millrace/internal/row"
)

// AppendText appends a value in Postgres's text output format. NULL appends nothing.
func AppendText(dst []byte, v row.Value, t row.Type) []byte {
	if v.Null {
		return dst
	}
	switch t {
	case row.Bool:
		return append(dst, "ft"[v.N&1])
	case row.Int2, row.Int4, row.Int8:
		return appendInt(dst, v.N)
	case row.Float8:
		return pgnum.AppendFloat(dst, v.Float())
	case row.Numeric:
		return pgnum.AppendNumeric(dst, v.Decimal())
	case row.Bytea:
		return hex.AppendEncode(append(dst, `\x`...), row.Bytes(v.S))
	case row.Date:
		return pgtime.AppendDate(dst, v.N)
	case row.Timestamp:
		return pgtime.AppendTimestamp(dst, v.N)
	case row.TimestampTZ:
		return pgtime.AppendTimestampTZ(dst, v.N)
	case row.Interval:
		return pgtime.AppendInterval(dst, v.Span())
	}
	if t.IsArray() {
		return appendArray(dst, v.Array(), t.Elem())
	}
	return append(dst, v.S...)
}

// Format returns a value in Postgres's text output format; NULL gives "".
func Format(v row.Value, t row.Type) string {
	if t == row.Text && !v.Null {
		return v.S
	}
	return string(AppendText(nil, v, t))
}

// ParseText reads a value in Postgres's text input format. The errors are Postgres's. A text value may point into s.
func ParseText(s string, t row.Type) (row.Value, error) {
	if t.IsArray() {
		return parseArray(s, t.Elem())
	}
	var v row.Value
	var err error
	switch t {
	case row.Bool:
		var b bool
		b, err = parseBool(s)
		v = row.OfBool(b)
	case row.Int2:
		v.N, err = pgnum.Int2.Parse(s)
	case row.Int4:
		v.N, err = pgnum.Int4.Parse(s)
	case row.Int8:
		v.N, err = pgnum.Int8.Parse(s)
	case row.Float8:
		var f float64
		f, err = pgnum.ParseFloat(s)
		v = row.OfFloat(f)
	case row.Numeric:
		v.Ref, err = pgnum.ParseNumeric(s)
	case row.Bytea:
		v.S, err = parseBytea(s)
	case row.Date:
		v.N, err = pgtime.ParseDate(s)
	case row.Timestamp:
		v.N, err = pgtime.ParseTimestamp(s)
	case row.TimestampTZ:
		v.N, err = pgtime.ParseTimestampTZ(s)
	case row.Interval:
		v.Ref, err = pgtime.ParseInterval(s)
	default:
		v.S = s
	}
	if err != nil {
		return row.Value{}, err
	}
	return v, nil
}

// Compare orders two values of a type that are not NULL as Postgres does: text by bytes, NaN greatest, arrays by element.
func Compare(a, b row.Value, t row.Type) int {
	switch t {
	case row.Float8:
		return pgnum.CompareFloat(a.Float(), b.Float())
	case row.Numeric:
		return pgnum.Compare(a.Decimal(), b.Decimal())
	case row.Interval:
		return pgtime.CompareSpan(a.Span(), b.Span())
	case row.Text, row.Bytea, row.Unknown:
		return strings.Compare(a.S, b.S)
	}
	if t.IsArray() {
		return compareArrays(a.Array(), b.Array(), t.Elem())
	}
	return cmp.Compare(a.N, b.N)
}

// compareArrays: NULL elements are equal to each other and greater than all else.
func compareArrays(a, b []row.Value, t row.Type) int {
	for i := range min(len(a), len(b)) {
		if c := compareNullable(a[i], b[i], t); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}

func compareNullable(a, b row.Value, t row.Type) int {
	switch {
	case a.Null && b.Null:
		return 0
	case a.Null:
		return 1
	case b.Null:
		return -1
	}
	return Compare(a, b, t)
}

// parseBool takes the unique prefixes that Postgres takes.
func parseBool(s string) (bool, error) {
	t := strings.ToLower(pgnum.TrimSpace(s))
	for _, w := range []string{"true", "yes"} {
		if t != "" && strings.HasPrefix(w, t) {
			return true, nil
		}
	}
	for _, w := range []string{"false", "no"} {
		if t != "" && strings.HasPrefix(w, t) {
			return false, nil
		}
	}
	switch t {
	case "on", "1":
		return true, nil
	case "of", "off", "0":
		return false, nil
	}
	return false, pgnum.ErrSyntax("boolean", s)
}

// parseBytea reads both the hex and the escape format.
func parseBytea(s string) (string, error) {
	if strings.HasPrefix(s, `\x`) {
		return parseHex(s[2:])
	}
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	var b bytes.Buffer
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '\\':
			b.WriteByte('\\')
			i++
		case i+3 < len(s) && s[i+1] >= '0' && s[i+1] <= '3' && octal(s[i+2]) && octal(s[i+3]):
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
		default:
			return "", errors.New("invalid input syntax for type bytea")
		}
	}
	return b.String(), nil
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

func parseHex(s string) (string, error) {
	clean := strings.Map(func(r rune) rune {
		if r == ' ' || r == '\n' || r == '\t' || r == '\r' {
			return -1
		}
		return r
	}, s)
	b, err := hex.DecodeString(clean)
	var digit hex.InvalidByteError
	switch {
	case errors.As(err, &digit):
		r := []rune(clean[strings.IndexByte(clean, byte(digit)):])[0]
		return "", fmt.Errorf("invalid hexadecimal digit: \"%c\"", r)
	case err != nil:
		return "", errors.New("invalid hexadecimal data: odd number of digits")
	}
	return string(b), nil
}
