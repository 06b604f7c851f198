package decode

import (
	"math"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
	"github.com/stretchr/testify/require"
)

// The categories of JSONTestSuite, each value standing in a field that nobody wants and, by the same scanner's other half, in one of the
// wrong type: valid values must pass the first and be called a wrong type by the second, invalid ones must be "not valid JSON" in both.
func TestEveryValueIsCheckedWhetherItIsUsedOrNot(t *testing.T) {
	valid := []string{
		`0`, `-0`, `1`, `-1`, `10`, `1.5`, `0.5`, `-0.0`, `1e3`, `1E+3`, `1e-3`, `0e0`, `123456789012345678901234567890`, `1e400`, `0.0000001`,
		`""`, `"a"`, `"\""`, `"\\"`, `"\/"`, `"\b\f\n\r\t"`, `"\u00e9"`, `"\ud83d\ude00"`, `"\ud800"`, `"\udc00\ud800"`, `"\u0000"`, "\"\xff\"", "\"\x7f\"",
		`"12345678"`, `"1234567\n"`, `"12345678\n"`, `"é"`, `true`, `false`, `null`, `[]`, `{}`, `[ ]`, `{ }`, `[1]`, `[1,2]`, `[ 1 , 2 ]`, `{"a":1}`, `{"a":1,"a":2}`,
		`{"":0}`, `[[[[]]]]`, `[{"a":[{}]}]`, `"a]b}c"`, `{"a\"b":"\\"}`, strings.Repeat("[", 126) + strings.Repeat("]", 126), strings.Repeat(`{"a":`, 125) + "{}" + strings.Repeat("}", 125),
	}
	invalid := []string{
		``, `01`, `-01`, `00`, `1.`, `.5`, `-.5`, `+1`, `-`, `--1`, `1e`, `1e+`, `1.e3`, `1.5.5`, `0x10`, `1_000`, `NaN`, `Infinity`, `-Infinity`, `1a`, `1 2`,
		`"`, `"a`, `"\"`, `"\x"`, `"\u12"`, `"\u12`, `"\u"`, `"\u00g0"`, `"\ud83d\u"`, "\"\n\"", "\"\t\"", "\"a\x00b\"", "\"1234567\x01\"", "\"12345678\x1f\"", `'a'`, `"a""b"`,
		`tru`, `True`, `TRUE`, `truee`, `nul`, `nulll`, `fals`, `[`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1 2]`, `]`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`,
		`{a:1}`, `{'a':1}`, `{"a" 1}`, `{"a"::1}`, `{1:1}`, `{"a":1]`, `[1}`, `[1,,2]`, `{"a":}`, "\xef\xbb\xbf1", "\u00a01", `/**/1`, `1//`, `<null>`, "\x00",
		`[1:2]`, `{"a":1 "b":2}`, `undefined`, strings.Repeat("[", 128) + strings.Repeat("]", 128), strings.Repeat("[", 100000), strings.Repeat(`{"a":`, 128) + "1" + strings.Repeat("}", 128),
	}
	for _, v := range valid {
		for _, record := range []string{`{"skipped":` + v + `}`, `{ "x":1 , "skipped" : ` + v + "\n}", `{"skipped":` + v + `,"x":2}`} {
			_, err := one("x", row.Int4, record)
			require.NoError(t, err, record)
		}
	}
	for _, v := range invalid {
		for _, field := range []string{"skipped", "x"} {
			for _, typ := range []row.Type{row.Int8, row.Int2, row.Float8, row.Numeric, row.Text, row.Bool, row.TimestampTZ, row.ArrayOf(row.Int8)} {
				record := `{"` + field + `":` + v + `}`
				_, err := one("x", typ, record)
				require.Error(t, err, "%s as %s", record, typ)
			}
		}
		_, err := one("x", row.Int4, `{"skipped":`+v+`}`)
		require.ErrorContains(t, err, "not valid JSON", v)
	}
}

func TestTheWholeValueIsOneObject(t *testing.T) {
	for value, want := range map[string]string{
		"":                    "want a JSON object, the value is empty",
		"  ":                  "want a JSON object, the value is empty",
		"[]":                  "want a JSON object, found array",
		"1":                   "want a JSON object, found number",
		"null":                "want a JSON object, found null",
		"\xef\xbb\xbf{}":      "want a JSON object, found a byte order mark before it",
		"{} {}":               "not valid JSON at byte 3: something follows the object",
		`{"x":1}}`:            "not valid JSON at byte 7: something follows the object",
		`{"x":1`:              "not valid JSON: want ',' or '}', the value ends at byte 6",
		`{"x":1,`:             "not valid JSON: want a field name in quotes, the value ends at byte 7",
		`{"x":1,}`:            "not valid JSON at byte 7: want a field name in quotes",
		`{"x" 1}`:             "not valid JSON at byte 5: want ':'",
		`{"x":1 "y":2}`:       "not valid JSON at byte 7: want ',' or '}'",
		`{"x\q":1}`:           "not valid JSON at byte 3: an escape that JSON does not have",
		"{\"x\x02\":1}":       "not valid JSON at byte 3: a control character in a string",
		`{"x":1,"x":2}`:       "x: duplicate key",
		`{"x":1,"\u0078":2}`:  "x: duplicate key",
		`{"x":null,"x":null}`: "x: duplicate key",
	} {
		_, err := one("x", row.Int4, value)
		require.EqualError(t, err, want, value)
	}
	_, err := one("x", row.Int4, " \t\r\n{ \"x\" : 1 } \n")
	require.NoError(t, err)
}

func TestNamesAreComparedExactly(t *testing.T) {
	for record, want := range map[string]row.Value{
		`{"X":1}`: row.NullValue, `{"x ":1}`: row.NullValue, `{"\u0078":1}`: row.OfInt(1), `{"xx":1,"x":2}`: row.OfInt(2), `{}`: row.NullValue, `{"x":null}`: row.NullValue,
		`{"y":{"x":1}}`: row.NullValue, `{"y":[{"x":1}],"x":3}`: row.OfInt(3),
	} {
		v, err := one("x", row.Int4, record)
		require.NoError(t, err, record)
		require.Equal(t, want, v, record)
	}
	v, err := one("Größe \"x\"", row.Int4, `{"Gr\u00f6\u00dfe \"x\"":7}`)
	require.NoError(t, err)
	require.Equal(t, row.OfInt(7), v)
}

func TestFieldsAreReachedByPath(t *testing.T) {
	s := source(map[string]any{"a.b.c": row.Int4, "a.b.d": row.Text, "a.e!": row.Int4, "f": row.Int4})
	d, err := New(s)
	require.NoError(t, err)
	for record, want := range map[string]string{
		`{"a":{"b":{"c":1,"d":"x"},"e":2},"f":3}`: "",
		`{"f":3,"a":{"e":2}}`:                     "",
		`{"f":3,"a":{"b":null,"e":2}}`:            "",
		`{"f":3,"a":{"b":{}, "e":2}}`:             "",
		`{"f":3}`:                                 "a.e: required, but missing or null",
		`{"a":null}`:                              "a.e: required, but missing or null",
		`{"a":{"e":null}}`:                        "a.e: required, but missing or null",
		`{"a":[1]}`:                               "a: want object, found array",
		`{"a":"x"}`:                               "a: want object, found string",
		`{"a":{"b":7}}`:                           "a.b: want object, found number",
		`{"a":{"b":{"c":"x"}}}`:                   "a.b.c: want integer, found string",
		`{"a":{"e":1},"a":{"e":2}}`:               "a: duplicate key",
		`{"a":{"b":{"d":{}}}}`:                    "a.b.d: want text, found object; name its parts by path, as {type: text, path: $.a.b.d.name}",
	} {
		err := d.Decode([]byte(record), make([]row.Value, 4), new(row.Arena))
		if want == "" {
			require.NoError(t, err, record)
			continue
		}
		require.EqualError(t, err, want, record)
	}
}

func TestTwoColumnsMayTakeTheSameField(t *testing.T) {
	s := source(map[string]any{"x": row.Int8})
	s.Columns = append(s.Columns, row.Column{Name: "y", Type: row.Numeric})
	s.Fields = append(s.Fields, s.Fields[0])
	d, err := New(s)
	require.NoError(t, err)
	out := make([]row.Value, 2)
	require.NoError(t, d.Decode([]byte(`{"x":12}`), out, new(row.Arena)))
	require.Equal(t, int64(12), out[0].N)
	require.Equal(t, "12", out[1].Decimal().String())
}

func TestUnusedFieldsAreLeftAlone(t *testing.T) {
	s := source(map[string]any{"a": row.Int8, "b": row.Int8})
	s.Fields[0].Used = false
	d, err := New(s)
	require.NoError(t, err)
	out := []row.Value{row.OfText("kept"), row.OfText("set")}
	require.NoError(t, d.Decode([]byte(`{"a":"not a number","b":1,"a":2}`), out, new(row.Arena)))
	require.Equal(t, []row.Value{row.OfText("kept"), row.OfInt(1)}, out)
}

// A guess that was learned in one place must not make invalid text valid in another.
func TestWhatWasLearnedDoesNotLetInvalidTextPass(t *testing.T) {
	d, err := New(source(map[string]any{"a": row.Int8, "b": row.Int8, "c.d": row.Int8}))
	require.NoError(t, err)
	out := make([]row.Value, 3)
	lessons := []string{`{"a":1,"b":2}`, `{"b":2,"a":1}`, `{"z":0,"a":1,"c":{"d":1}}`, `{ "a" : 1 , "b" : 2 }`, `{"a": 1,"b":   2}`, `{"c":{"d":5},"a":1}`, `{"c":{"e":1,"d":5}}`}
	for range 3 {
		for _, l := range lessons {
			require.NoError(t, d.Decode([]byte(l), out, new(row.Arena)), l)
		}
		for _, bad := range []string{`{"a":1"b":2}`, `{,"a":1}`, `{"z":0"a":1}`, `{ , "b" : 2}`, `{"c":{,"d":5}}`, `{"c":{"e":1"d":5}}`, `{"a":1,"b":2,}`, `{"a":1,"a":1}`, `{"a":`, `{"a"`, `{"a":1,"b":`} {
			require.Error(t, d.Decode([]byte(bad), out, new(row.Arena)), bad)
		}
	}
}

func TestEverNewKeysDoNotAllocateForEver(t *testing.T) {
	d, err := New(source(map[string]any{"x": row.Int8}))
	require.NoError(t, err)
	var records [][]byte
	for i := range 5000 {
		records = append(records, []byte(`{"k`+strings.Repeat("y", i%100)+string(rune('a'+i%26))+`":1,"x":2}`))
	}
	out, scratch := make([]row.Value, 1), new(row.Arena)
	i := 0
	allocs := testing.AllocsPerRun(4000, func() {
		scratch.Reset()
		require.NoError(t, d.Decode(records[i%len(records)], out, scratch))
		i++
	})
	require.LessOrEqual(t, allocs, 1.0)
	require.LessOrEqual(t, len(d.(*objects).root.guesses), maxGuesses)
}

func TestStampsSurviveTheCountersOverflow(t *testing.T) {
	d, err := New(source(map[string]any{"x": row.Int8, "y.z": row.Int8}))
	require.NoError(t, err)
	out := make([]row.Value, 2)
	require.NoError(t, d.Decode([]byte(`{"x":1,"y":{"z":1}}`), out, new(row.Arena))) // stamps are 1
	d.(*objects).record = math.MaxUint32
	require.NoError(t, d.Decode([]byte(`{"x":1,"y":{"z":1}}`), out, new(row.Arena)))
	require.NoError(t, d.Decode([]byte(`{}`), out, new(row.Arena)))
	require.Equal(t, []row.Value{row.NullValue, row.NullValue}, out)
}

func TestSizeAndTombstones(t *testing.T) {
	big := []byte(`{"x":1,"y":"` + strings.Repeat("a", MaxBytes) + `"}`)
	for _, f := range []plan.Format{plan.JSON, plan.Text, plan.Bytes} {
		s := source(map[string]any{"x": row.Int8})
		s.Format = f
		d, err := New(s)
		require.NoError(t, err)
		err = d.Decode(nil, make([]row.Value, 1), new(row.Arena))
		require.ErrorIs(t, err, ErrTombstone)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.ErrorContains(t, d.Decode(big, make([]row.Value, 1), new(row.Arena)), "at most 8388608 are taken")
	}
}

func TestTextAndBytes(t *testing.T) {
	s := source(map[string]any{"value": row.Text})
	s.Format = plan.Text
	d, err := New(s)
	require.NoError(t, err)
	out := make([]row.Value, 1)
	for _, ok := range []string{"", "a", "Köln 😀", "line\n"} {
		require.NoError(t, d.Decode([]byte(ok), out, nil))
		require.Equal(t, row.OfText(ok), out[0])
	}
	for _, bad := range []string{"\xff", "a\x00", "é\x00", "\xc0\x80", "\xed\xa0\x80", "abc\xf4\x90\x80\x80", "é\xe2\x82"} {
		require.Error(t, d.Decode([]byte(bad), out, nil), "%q", bad)
	}
	s.Format, s.Columns[0].Type = plan.Bytes, row.Bytea
	d, err = New(s)
	require.NoError(t, err)
	require.NoError(t, d.Decode([]byte("\xff\x00"), out, nil))
	require.Equal(t, row.OfText("\xff\x00"), out[0])
}

func TestWhatJSONCannotFillIsRefusedAtOnce(t *testing.T) {
	_, err := New(source(map[string]any{"x": row.Bytea}))
	require.ErrorContains(t, err, `column "x": bytea from JSON: not in this version`)
	_, err = New(source(map[string]any{"x": row.Unknown}))
	require.Error(t, err)
	_, err = New(&plan.Source{Name: "s", Format: 9})
	require.ErrorContains(t, err, "not in this version")
}
