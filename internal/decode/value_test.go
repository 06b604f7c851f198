package decode

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/row"
	"github.com/stretchr/testify/require"
)

func TestIntegersAreExactAndNeverGuessed(t *testing.T) {
	type want struct {
		n   int64
		err string
	}
	for _, c := range []struct {
		typ   row.Type
		value string
		want  want
	}{
		{row.Int8, `0`, want{n: 0}}, {row.Int8, `-0`, want{n: 0}}, {row.Int8, `9007199254740993`, want{n: 9007199254740993}},
		{row.Int8, `999999999999999999`, want{n: 999999999999999999}}, {row.Int8, `1000000000000000000`, want{n: 1000000000000000000}},
		{row.Int8, `9223372036854775807`, want{n: math.MaxInt64}}, {row.Int8, `-9223372036854775808`, want{n: math.MinInt64}},
		{row.Int8, `9223372036854775808`, want{err: "x: 9223372036854775808 is out of range for bigint"}},
		{row.Int8, `-9223372036854775809`, want{err: "x: -9223372036854775809 is out of range for bigint"}},
		{row.Int8, strings.Repeat("9", 50), want{err: "x: " + strings.Repeat("9", 40) + "… is out of range for bigint"}},
		{row.Int4, `2147483647`, want{n: math.MaxInt32}}, {row.Int4, `2147483648`, want{err: "x: 2147483648 is out of range for integer"}},
		{row.Int4, `-2147483648`, want{n: math.MinInt32}}, {row.Int4, `-2147483649`, want{err: "x: -2147483649 is out of range for integer"}},
		{row.Int2, `32767`, want{n: 32767}}, {row.Int2, `-32769`, want{err: "x: -32769 is out of range for smallint"}},
		{row.Int8, `1.0`, want{err: "x: want bigint, found the number 1.0; declare numeric or double precision"}},
		{row.Int8, `1e3`, want{err: "x: want bigint, found the number 1e3; declare numeric or double precision"}},
		{row.Int8, `"1"`, want{err: "x: want bigint, found string"}}, {row.Int8, `true`, want{err: "x: want bigint, found boolean"}},
		{row.Int8, `[1]`, want{err: "x: want bigint, found array"}}, {row.Int8, `{"a":1}`, want{err: "x: want bigint, found object"}},
		{row.Bool, `true`, want{n: 1}}, {row.Bool, `false`, want{n: 0}}, {row.Bool, `"true"`, want{err: "x: want boolean, found string"}}, {row.Bool, `1`, want{err: "x: want boolean, found number"}},
	} {
		for _, after := range []string{"}", " }", `,"y":1}`} {
			v, err := one("x", c.typ, `{"x":`+c.value+after)
			if c.want.err != "" {
				require.EqualError(t, err, c.want.err)
				continue
			}
			require.NoError(t, err, c.value)
			require.Equal(t, row.OfInt(c.want.n), v, c.value)
		}
	}
}

func TestFloatsAreTheNearest(t *testing.T) {
	for _, s := range []string{"0", "-0", "1", "1.5", "-2.25", "0.1", "0.3", "3.141592653589793", "1e22", "1e23", "9007199254740992", "9007199254740993", "123456789012345678",
		"1234567890123456789", "0.000000000000000001", "1.7976931348623157e308", "5e-324", "2.2250738585072011e-308", "0e999999", "0.0e-999", "123456.7890123456789", "1E5", "12345678901234567.8"} {
		v, err := one("x", row.Float8, `{"x":`+s+`}`)
		require.NoError(t, err, s)
		want, err := strconv.ParseFloat(s, 64)
		require.NoError(t, err)
		require.Equal(t, math.Float64bits(want), uint64(v.N), s)
	}
	for _, s := range []string{"1e309", "-1e400", "1e-400"} {
		_, err := one("x", row.Float8, `{"x":`+s+`}`)
		require.EqualError(t, err, "x: "+s+" is out of range for double precision")
	}
	_, err := one("x", row.Float8, `{"x":"1"}`)
	require.EqualError(t, err, "x: want double precision, found string")
}

func TestNumericsKeepEveryDigit(t *testing.T) {
	for s, want := range map[string]string{
		"0": "0", "-0": "0", "0.00": "0.00", "-0.00": "0.00", "1.50": "1.50", "-12.345": "-12.345", "999999999999999999": "999999999999999999", "0.1": "0.1",
		"99999999999999999.9": "99999999999999999.9", "1234567890123456789": "1234567890123456789", "123456789012345678901234567890.123456789": "123456789012345678901234567890.123456789",
		"1e3": "1000", "1.5e-3": "0.0015", "-1E2": "-100",
	} {
		v, err := one("x", row.Numeric, `{"x":`+s+`}`)
		require.NoError(t, err, s)
		require.Equal(t, want, v.Decimal().Text('f'), s)
	}
	long := strings.Repeat("7", 3000)
	v, err := one("x", row.Numeric, `{"x":`+long+`}`)
	require.NoError(t, err)
	require.Equal(t, long, v.Decimal().Text('f'))
	_, err = one("x", row.Numeric, `{"x":`+strings.Repeat("7", maxDigits+1)+`}`)
	require.ErrorContains(t, err, "is out of range for numeric")
	_, err = one("x", row.Numeric, `{"x":"1"}`)
	require.EqualError(t, err, "x: want numeric, found string")
}

func TestTextIsWhatPostgresCanStore(t *testing.T) {
	for s, want := range map[string]string{
		`""`: "", `"a"`: "a", `"12345678"`: "12345678", `"1234567é"`: "1234567é", `"a\"b"`: `a"b`, `"\\\/\b\f\n\r\t"`: "\\/\b\f\n\r\t", `"\u00e9"`: "é", `"\ud83d\ude00!"`: "😀!",
		`"😀"`: "😀", `"é\né"`: "é\né", `"\uffff"`: "\uffff", "\"\x7f\"": "\x7f", `"x\u0041y\u0042z"`: "xAyBz", `"` + strings.Repeat("long ", 50) + `\n"`: strings.Repeat("long ", 50) + "\n",
	} {
		v, err := one("x", row.Text, `{"x":`+s+`}`)
		require.NoError(t, err, s)
		require.Equal(t, want, v.S, s)
	}
	for s, want := range map[string]string{
		`"\u0000"`: "x: " + noNUL, `"\ud800"`: "x: " + halfPair, `"\udc00\ud800"`: "x: " + halfPair, `"\ud800\ud800"`: "x: " + halfPair, `"\ud800x"`: "x: " + halfPair,
		"\"\xff\"": "x: " + badUTF8, "\"12345678\xc3\"": "x: " + badUTF8, "\"\\n\xff\"": "x: " + badUTF8, "\"\xed\xa0\x80\"": "x: " + badUTF8, "\"\xc0\x80\"": "x: " + badUTF8,
		`1`: "x: want text, found number; declare numeric and cast it to text", `true`: "x: want text, found boolean",
		`[]`: "x: want text, found array; name its parts by path, as {type: text, path: $.x.name}",
	} {
		_, err := one("x", row.Text, `{"x":`+s+`}`)
		require.EqualError(t, err, want, s)
	}
}

func TestTextWithoutEscapesIsNotCopied(t *testing.T) {
	d, err := New(source(map[string]any{"x": row.Text}))
	require.NoError(t, err)
	value, out := []byte(`{"x":"abc"}`), make([]row.Value, 1)
	require.NoError(t, d.Decode(value, out, new(row.Arena)))
	value[6] = 'X'
	require.Equal(t, "Xbc", out[0].S)
}

func TestTimesByTheShortWayAreThoseOfTheCalendar(t *testing.T) {
	for _, s := range []string{"2001-01-01T00:04:00Z", "1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "2024-02-29T12:00:00.5+02:00", "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59.123456-11:30", "2000-03-01T00:00:00Z", "1900-02-28T23:00:00-05:30", "2026-11-21T09:05:47.1Z"} {
		want, err := time.Parse(time.RFC3339Nano, s)
		require.NoError(t, err)
		n, ok := iso([]byte(s), row.TimestampTZ)
		require.True(t, ok, s)
		require.Equal(t, want.UnixMicro(), n, s)
	}
	n, ok := iso([]byte("2001-01-01 00:00:00+05"), row.TimestampTZ)
	require.True(t, ok)
	require.Equal(t, time.Date(2000, 12, 31, 19, 0, 0, 0, time.UTC).UnixMicro(), n)
	n, ok = iso([]byte("2024-02-29"), row.Date)
	require.True(t, ok)
	require.Equal(t, int64(19782), n)
	n, ok = iso([]byte("2024-02-29T00:00:01"), row.Timestamp)
	require.True(t, ok)
	require.Equal(t, int64(19782*86400+1)*1e6, n)
	for day := range 200000 {
		at := time.Date(1700, 1, 1+day, 0, 0, 0, 0, time.UTC)
		n, ok := iso([]byte(at.Format(time.DateOnly)), row.Date)
		require.True(t, ok)
		if want := at.Unix() / 86400; want != n {
			t.Fatalf("%s is day %d, not %d", at, want, n)
		}
	}
}

func TestWhatIsNotPlainISOGoesTheLongWay(t *testing.T) {
	for _, s := range []string{"", "2001", "2001-02-29", "2001-13-01", "2001-00-10", "0000-01-01", "2001-01-01T24:00:00Z", "2001-01-01T00:60:00Z", "2001-01-01T00:00:60Z", "2001-01-01T00:00Z",
		"2001-01-01T00:00:00", "2001-01-01T00:00:00.Z", "2001-01-01T00:00:00.1234567Z", "2001-01-01T00:00:00+2", "2001-01-01T00:00:00+0230", "2001-01-01T00:00:00+16:00", "2001-01-01t00:00:00Z",
		"infinity", "20010101", "2001-01-01T00:00:00ZZ", "2001-01-01X00:00:00Z", "2001-1-01T00:00:00Z", "x001-01-01T00:00:00Z"} {
		_, ok := iso([]byte(s), row.TimestampTZ)
		require.False(t, ok, s)
	}
	_, ok := iso([]byte("2001-01-01T00:00:00Z"), row.Date)
	require.False(t, ok)
	_, ok = iso([]byte("2001-01-01T00:00:00Z"), row.Timestamp)
	require.False(t, ok)

	v, err := one("x", row.TimestampTZ, `{"x":"2001-01-01 00:00:60 UTC"}`)
	require.NoError(t, err)
	require.Equal(t, time.Date(2001, 1, 1, 0, 1, 0, 0, time.UTC).UnixMicro(), v.N)
	v, err = one("x", row.TimestampTZ, `{"x":"infinity"}`)
	require.NoError(t, err)
	require.Equal(t, int64(row.PosInfinity), v.N)
	v, err = one("x", row.Interval, `{"x":"1 day 02:00"}`)
	require.NoError(t, err)
	require.Equal(t, row.Span{Days: 1, Micros: 7200e6}, v.Span())
	_, err = one("x", row.TimestampTZ, `{"x":"yesterday-ish"}`)
	require.ErrorContains(t, err, "x: want timestamp with time zone: ")
	_, err = one("x", row.TimestampTZ, `{"x":978307200}`)
	require.EqualError(t, err, "x: want timestamp with time zone, found number; declare bigint and use to_timestamp")
}

func TestArraysOfScalars(t *testing.T) {
	v, err := one("x", row.ArrayOf(row.Int8), `{"x":[ 1 , null,-3 ]}`)
	require.NoError(t, err)
	require.Equal(t, []row.Value{row.OfInt(1), row.NullValue, row.OfInt(-3)}, v.Array())
	v, err = one("x", row.ArrayOf(row.Text), `{"x":["a","b\n"]}`)
	require.NoError(t, err)
	require.Equal(t, []row.Value{row.OfText("a"), row.OfText("b\n")}, v.Array())
	v, err = one("x", row.ArrayOf(row.Text), `{"x":[]}`)
	require.NoError(t, err)
	require.Empty(t, v.Array())
	require.False(t, v.Null)
	for s, want := range map[string]string{`[1,"a"]`: "x[1]: want bigint, found string", `[[1]]`: "x[0]: want bigint, found array", `{"a":1}`: "x: want bigint[], found object", `1`: "x: want bigint[], found number"} {
		_, err = one("x", row.ArrayOf(row.Int8), `{"x":`+s+`}`)
		require.EqualError(t, err, want)
	}
	_, err = one("x", row.ArrayOf(row.Int8), fmt.Sprintf(`{"x":[%s1]}`, strings.Repeat("1,", maxElements)))
	require.ErrorContains(t, err, "the array has more than")
}
