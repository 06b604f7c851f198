package sinks

import (
	"bytes"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/millrace/millrace/internal/row"
)

// FuzzNumeric reads back with pgx's decoder what the encoder writes, and compares numbers: pgx keeps no trailing zeros.
func FuzzNumeric(f *testing.F) {
	for _, s := range []string{"0", "-0.000", "1", "10000", "0.0001", "12345678901234567890123456789.00010000", "1E+20", "-1E-20", "99999999.99999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, _, err := apd.NewFromString(s)
		if err != nil || d.Form != apd.Finite {
			return
		}
		v := row.OfRef(d)
		got, err := encodeNumeric(nil, &v, &column{typmod: -1})
		if err != nil {
			if d.Exponent > -numericMaxScale && int64(d.Exponent)+d.NumDigits() <= numericMaxInteger {
				t.Fatalf("%s is refused: %v", d, err)
			}
			return
		}
		var n pgtype.Numeric
		if err := (pgtype.NumericCodec{}).PlanScan(nil, pgtype.NumericOID, pgtype.BinaryFormatCode, &n).Scan(got, &n); err != nil {
			t.Fatalf("%s: %x: %v", d, got, err)
		}
		var back apd.Decimal
		back.Coeff.SetMathBigInt(n.Int)
		back.Exponent, back.Negative = n.Exp, n.Int.Sign() < 0
		back.Coeff.Abs(&back.Coeff)
		if d.Cmp(&back) != 0 {
			t.Fatalf("%s became %s: %x", d, &back, got)
		}
		fits := len(got) == numericHeader || !bytes.HasPrefix(got[numericHeader:], []byte{0, 0}) && !bytes.HasSuffix(got, []byte{0, 0})
		if !fits {
			t.Fatalf("%s has a group of zeros at an end: %x", d, got)
		}
	})
}

// FuzzUUID compares with pgx's parser where both take the text, and demands that what is taken has 32 digits.
func FuzzUUID(f *testing.F) {
	for _, s := range []string{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v := row.OfText(s)
		got, err := encodeUUID(nil, &v, &column{})
		var want pgtype.UUID
		if standard := want.Scan(s) == nil; standard && len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
			if err != nil || !bytes.Equal(got, want.Bytes[:]) {
				t.Fatalf("%q: %x, %v, want %x", s, got, err, want.Bytes)
			}
		}
		if err == nil && len(got) != uuidBytes {
			t.Fatalf("%q gives %d bytes", s, len(got))
		}
	})
}

// FuzzFitLength checks the cut against a slow one by runes.
func FuzzFitLength(f *testing.F) {
	f.Add("äöü  ", 3)
	f.Add("abc", 2)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if checkText(s) != nil || limit < 1 || limit > 1<<20 {
			return
		}
		runes, want := []rune(s), s
		refused := false
		if len(runes) > limit {
			want = string(runes[:limit])
			for _, r := range runes[limit:] {
				refused = refused || r != ' '
			}
		}
		got, err := fitLength(s, limit)
		if (err != nil) != refused || err == nil && got != want {
			t.Fatalf("%q cut to %d: %q, %v", s, limit, got, err)
		}
	})
}
