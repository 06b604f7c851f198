package row

import (
	"math"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/require"
)

func decimal(t *testing.T, s string) Value {
	d, _, err := apd.NewFromString(s)
	require.NoError(t, err)
	return OfRef(d)
}

func TestValuesSurviveTheirEncoding(t *testing.T) {
	for _, c := range []struct {
		name string
		v    Value
		t    Type
	}{
		{"null", NullValue, Text},
		{"smallest bigint", OfInt(math.MinInt64), Int8},
		{"true", OfBool(true), Bool},
		{"infinity", OfInt(PosInfinity), TimestampTZ},
		{"float", OfFloat(-1.5e300), Float8},
		{"empty text", OfText(""), Text},
		{"text", OfText("a\x00b"), Text},
		{"numeric keeps its scale", decimal(t, "1.500"), Numeric},
		{"interval", OfRef(Span{Months: 1, Days: -2, Micros: 3}), Interval},
		{"array", OfRef([]Value{OfText("a"), NullValue, OfText("")}), ArrayOf(Text)},
	} {
		t.Run(c.name, func(t *testing.T) {
			enc := append(AppendValue(nil, c.v, c.t), 0xEE)
			got, rest, err := DecodeValue(enc, c.t)
			require.NoError(t, err)
			require.Equal(t, []byte{0xEE}, rest)
			if c.t == Numeric {
				require.Equal(t, c.v.Decimal().String(), got.Decimal().String())
				return
			}
			require.Equal(t, c.v, got)
			for cut := range enc[:len(enc)-1] {
				_, _, err := DecodeValue(enc[:cut], c.t)
				require.ErrorIs(t, err, ErrCorrupt, "cut at %d", cut)
			}
		})
	}
}

func TestKeysAreEqualWhereGroupByIs(t *testing.T) {
	key := func(v Value, ty Type) string { return string(AppendKey(nil, v, ty)) }
	require.Equal(t, key(OfFloat(0), Float8), key(OfFloat(math.Copysign(0, -1)), Float8))
	require.Equal(t, key(decimal(t, "1.0"), Numeric), key(decimal(t, "1.00"), Numeric))
	require.Equal(t, key(OfRef(Span{Months: 1}), Interval), key(OfRef(Span{Days: 30}), Interval))
	require.NotEqual(t, key(NullValue, Text), key(OfText(""), Text))
}

func TestANumericKeyComesBackWithoutAnExponent(t *testing.T) {
	for in, want := range map[string]string{"12000": "12000", "1.50": "1.5", "0.000": "0", "-7E+2": "-700", "NaN": "NaN"} {
		v, _, err := DecodeValue(AppendKey(nil, decimal(t, in), Numeric), Numeric)
		require.NoError(t, err)
		require.Equal(t, want, v.Decimal().Text('f'), in)
		if v.Decimal().Form == apd.Finite {
			require.LessOrEqual(t, v.Decimal().Exponent, int32(0), in)
		}
	}
}

func FuzzDecodeValue(f *testing.F) {
	f.Add([]byte{1, 3, 'a', 'b', 'c'}, uint8(Text))
	f.Fuzz(func(t *testing.T, src []byte, ty uint8) {
		v, rest, err := DecodeValue(src, Type(ty))
		if err == nil && len(rest) > len(src) {
			t.Fatalf("rest grew: %v", v)
		}
	})
}
