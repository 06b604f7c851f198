package decode

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/millrace/millrace/internal/row"
)

// FuzzJSON holds the scanner against encoding/json. Where they may differ is listed in doc.go; a value that falls under one of those
// differences is left out, all else must agree: what is accepted, and every value.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{}`, `{"t":"a\u00e9\n","i":-12,"f":1.5e3,"b":true,"o":{"t":"x","skipped":[1,{"a":null}]}}`, `{"i":9223372036854775807,"x":"\ud83d\ude00"}`,
		` { "skipped" : [ 1 , 2 ] , "t" : null } `, `{"t":"\"","f":-0.0}`, `{"a":1}x`, `{"i":01}`, `{"t":"` + "\x01" + `"}`, `{"\u0074":"x"}`, `{"a":[[[]]]}`} {
		f.Add([]byte(s))
	}
	d, err := New(source(map[string]any{"t": row.Text, "i": row.Int8, "f": row.Float8, "b": row.Bool, "o.t": row.Text, "o.i": row.Int8}))
	if err != nil {
		f.Fatal(err)
	}
	names := []string{"b", "f", "i", "o.i", "o.t", "t"}
	f.Fuzz(func(t *testing.T, value []byte) {
		out := make([]row.Value, len(names))
		err := d.Decode(value, out, new(row.Arena))
		if again := d.Decode(value, make([]row.Value, len(names)), new(row.Arena)); (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() {
			t.Fatalf("what was learned changes the answer: %v, then %v", err, again)
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%T is no *Error", err)
		}
		valid := json.Valid(value) && bytes.HasPrefix(bytes.TrimLeft(value, " \t\r\n"), []byte("{"))
		broken := err != nil && (strings.HasPrefix(e.Msg, "not valid JSON") || strings.HasPrefix(e.Msg, "want a JSON object"))
		if !valid && err == nil {
			t.Fatalf("accepted, but encoding/json refuses %q", value)
		}
		if valid && broken && !strings.Contains(e.Msg, "deeper") {
			t.Fatalf("refused, but encoding/json accepts %q: %v", value, err)
		}
		if err == nil {
			agree(t, value, names, out)
		}
	})
}

// agree compares the values; what was accepted has no duplicates of used names, so a map shows the same.
func agree(t *testing.T, value []byte, names []string, out []row.Value) {
	in := json.NewDecoder(bytes.NewReader(value))
	in.UseNumber()
	var all map[string]any
	if err := in.Decode(&all); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		var want any = all
		for _, part := range strings.Split(name, ".") {
			m, _ := want.(map[string]any)
			want = m[part]
		}
		var same bool
		switch want := want.(type) {
		case nil:
			same = out[i].Null
		case string:
			same = !out[i].Null && out[i].S == want && utf8.ValidString(want)
		case bool:
			same = out[i] == row.OfBool(want)
		case json.Number:
			if name == "f" {
				f, err := want.Float64()
				same = err == nil && out[i] == row.OfFloat(f)
			} else {
				n, err := want.Int64()
				same = err == nil && out[i] == row.OfInt(n)
			}
		}
		if !same {
			t.Fatalf("%s of %q: encoding/json says %v, we say %+v", name, value, want, out[i])
		}
	}
}
