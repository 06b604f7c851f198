package sinks

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// A pairing is one of our types on its way into one of Postgres's. Draw gives a value and the text that show must give for it in the table,
// found without the code under test.
type pairing struct {
	from   row.Type
	column string
	show   string // in SQL, of column v
	draw   func(r *rand.Rand) (row.Value, string)
	alone  bool // arrays of it are left out: what array_to_string shows of them is another text, or there are none
}

const asText = "v::text"

func pairings() []pairing {
	all := []pairing{
		{row.Bool, "boolean", asText, drawBool, false},
		{row.Float8, "double precision", "encode(float8send(v), 'hex')", drawFloat, false},
		{row.Numeric, "numeric", asText, drawNumeric, false},
		{row.Numeric, "numeric", asText, drawShiftedNumeric, true},
		{row.Numeric, "double precision", "encode(float8send(v), 'hex')", drawSmallNumeric, false},
		{row.Numeric, "numeric(30,3)", asText, drawRounded, false},
		{row.Text, "text", asText, drawText(40), false},
		{row.Text, "varchar(7)", asText, drawText(7), false},
		{row.Text, "varchar", asText, drawText(40), false},
		{row.Text, "char(7)", asText, drawText(7), true},
		{row.Text, "uuid", asText, drawUUID, false},
		{row.Text, "json", asText, drawJSON, true},
		{row.Text, "jsonb", "v #>> '{}'", drawJSON, false},
		{row.Text, "mood", asText, drawMood, false},
		{row.Text, "short", asText, drawText(5), true},
		{row.Text, "citext", asText, drawText(9), false},
		{row.Bytea, "bytea", "encode(v, 'hex')", drawBytea, false},
		{row.Date, "date", "CASE WHEN isfinite(v) THEN (v - date '1970-01-01')::text ELSE v::text END", drawDate, false},
		{row.Date, "timestamp", "(extract(epoch FROM v) / 86400)::numeric::int8::text", drawNearDate, false},
		{row.Timestamp, "timestamp", instant, drawTimestamp, false},
		{row.TimestampTZ, "timestamptz", instant, drawTimestamp, false},
		{row.TimestampTZ, "timestamptz(2)", "round(extract(epoch FROM v) * 100)::int8::text", drawCentiseconds, false},
		{row.Interval, "interval", asText, drawInterval, false},
	}
	for from, bits := range map[row.Type]int{row.Int2: 16, row.Int4: 32, row.Int8: 64} {
		all = append(all, pairing{from, "numeric", asText, drawInt(bits), false}, pairing{from, "double precision", "encode(float8send(v), 'hex')", drawIntAsFloat(bits), true})
		for column, room := range map[string]int{"smallint": 16, "integer": 32, "bigint": 64} {
			all = append(all, pairing{from, column, asText, drawInt(min(bits, room)), false})
		}
	}
	for _, p := range all {
		if p.show == asText && !p.alone {
			all = append(all, arrayOf(p))
		}
	}
	return all
}

const instant = "CASE WHEN isfinite(v) THEN round(extract(epoch FROM v) * 1000000)::int8::text ELSE v::text END"

// arrayOf pairs arrays; NULL elements are shown as ∅.
func arrayOf(p pairing) pairing {
	return pairing{row.ArrayOf(p.from), p.column + "[]", "coalesce(array_to_string(v, '|', '∅'), '')", func(r *rand.Rand) (row.Value, string) {
		elems, texts := []row.Value{}, []string{}
		for range r.IntN(4) {
			v, s := p.draw(r)
			if p.from == row.Bool {
				s = s[:1] // array_to_string shows t and f
			}
			if r.IntN(4) == 0 {
				v, s = row.NullValue, "∅"
			}
			elems, texts = append(elems, v), append(texts, s)
		}
		return row.OfRef(elems), strings.Join(texts, "|")
	}, true}
}

func TestEveryValueArrivesAsItIs(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TYPE mood AS ENUM ('sad', 'so so', 'glücklich')")
	execute(t, conn, "CREATE DOMAIN short AS varchar(5) CHECK (length(value) < 6)")
	execute(t, conn, "CREATE EXTENSION citext")
	for i, p := range pairings() {
		for _, mode := range []plan.SinkMode{plan.Append, plan.Upsert} {
			t.Run(fmt.Sprintf("%s to %s, mode %d", p.from, p.column, mode), func(t *testing.T) {
				table := fmt.Sprintf("t%d_%d", i, mode)
				execute(t, conn, fmt.Sprintf("CREATE TABLE %s (id int PRIMARY KEY, v %s)", table, p.column))
				roundTrip(t, conn, table, mode, p)
			})
		}
	}
}

func roundTrip(t *testing.T, conn *pgx.Conn, table string, mode plan.SinkMode, p pairing) {
	const rows, seed = 300, 20260101
	r := rand.New(rand.NewPCG(seed, uint64(len(table))))
	sink := open(t, conn, sinkOf(mode, table, []string{"id"}, col("id", row.Int4), col("v", p.from)))
	buf, want := sink.NewBuffer(), make([]string, rows)
	for i := range rows {
		v, s := p.draw(r)
		want[i] = s
		if r.IntN(10) == 0 {
			v, want[i] = row.NullValue, "NULL"
		}
		add(t, buf, row.OfInt(int64(i)), v)
	}
	write(t, conn, sink.Writer([]*Buffer{buf}))
	got := column1[string](t, conn, fmt.Sprintf("SELECT CASE WHEN v IS NULL THEN 'NULL' ELSE %s END FROM %s ORDER BY id", p.show, table))
	require.Len(t, got, rows)
	for i := range want {
		require.Equal(t, want[i], got[i], "row %d, seed %d", i, seed)
	}
}

func drawBool(r *rand.Rand) (row.Value, string) {
	b := r.IntN(2) == 1
	return row.OfBool(b), strconv.FormatBool(b)
}

func drawInt(bits int) func(r *rand.Rand) (row.Value, string) {
	return func(r *rand.Rand) (row.Value, string) {
		n := int64(r.Uint64()) >> (64 - bits) >> r.IntN(bits)
		if r.IntN(10) == 0 {
			n = math.MinInt64 >> (64 - bits)
		}
		return row.OfInt(n), strconv.FormatInt(n, 10)
	}
}

func drawIntAsFloat(bits int) func(r *rand.Rand) (row.Value, string) {
	return func(r *rand.Rand) (row.Value, string) {
		v, _ := drawInt(bits)(r)
		return v, fmt.Sprintf("%016x", math.Float64bits(float64(v.N)))
	}
}

func drawFloat(r *rand.Rand) (row.Value, string) {
	f := []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat64, math.MaxFloat64, r.NormFloat64()}[r.IntN(8)]
	return row.OfFloat(f), fmt.Sprintf("%016x", math.Float64bits(f))
}

// drawNumeric draws all shapes: groups of zeros inside, before and after; scales that do not fall on a group; the special values.
func drawNumeric(r *rand.Rand) (row.Value, string) {
	switch r.IntN(20) {
	case 0:
		return row.OfRef(&apd.Decimal{Form: apd.NaN}), "NaN"
	case 1:
		return row.OfRef(&apd.Decimal{Form: apd.Infinite}), "Infinity"
	case 2:
		return row.OfRef(&apd.Decimal{Form: apd.Infinite, Negative: true}), "-Infinity"
	}
	d := decimal(digits(r, 1+r.IntN(60)) + strings.Repeat("0", r.IntN(3)*r.IntN(12)))
	d.Exponent = int32(-r.IntN(60))
	d.Negative = r.IntN(2) == 0 && !d.IsZero()
	return row.OfRef(d), d.Text('f')
}

// drawShiftedNumeric draws what apd can hold and package expr does not make: a scale below zero.
func drawShiftedNumeric(r *rand.Rand) (row.Value, string) {
	d := decimal(digits(r, 1+r.IntN(60)))
	d.Exponent = int32(1 + r.IntN(30))
	return row.OfRef(d), plainText(d)
}

// plainText writes what numeric_out does: no exponent, and the scale's zeros.
func plainText(d *apd.Decimal) string {
	if d.IsZero() && d.Exponent > 0 {
		return "0"
	}
	return d.Text('f')
}

func digits(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0000123456789"[r.IntN(13)]
	}
	return string(b)
}

func decimal(s string) *apd.Decimal {
	d, _, err := apd.NewFromString(s)
	if err != nil {
		panic(err)
	}
	return d
}

func drawSmallNumeric(r *rand.Rand) (row.Value, string) {
	d := decimal(digits(r, 1+r.IntN(25)))
	d.Exponent = int32(r.IntN(100) - 50)
	f, err := strconv.ParseFloat(d.Text('e'), 64)
	if err != nil {
		panic(err)
	}
	return row.OfRef(d), fmt.Sprintf("%016x", math.Float64bits(f))
}

// drawRounded draws what numeric(30,3) rounds: half away from zero.
func drawRounded(r *rand.Rand) (row.Value, string) {
	d := decimal(strconv.Itoa(r.IntN(1_000_000)))
	d.Exponent = -5
	d.Negative = r.IntN(2) == 0 && !d.IsZero()
	ctx := apd.BaseContext.WithPrecision(40)
	ctx.Rounding = apd.RoundHalfUp
	var want apd.Decimal
	if _, err := ctx.Quantize(&want, d, -3); err != nil {
		panic(err)
	}
	want.Negative = want.Negative && !want.IsZero()
	return row.OfRef(d), want.Text('f')
}

func drawText(limit int) func(r *rand.Rand) (row.Value, string) {
	alphabet := []rune("abcXYZ 0189_-'\"\\{},;$%\t\n\u0001äß€語😀NUL")
	return func(r *rand.Rand) (row.Value, string) {
		s := make([]rune, r.IntN(limit+1))
		for i := range s {
			s[i] = alphabet[r.IntN(len(alphabet))]
		}
		text := strings.TrimRight(string(s), " ")
		return row.OfText(text), text
	}
}

func drawUUID(r *rand.Rand) (row.Value, string) {
	h := fmt.Sprintf("%016x%016x", r.Uint64(), r.Uint64())
	want := h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	return row.OfText([]string{want, h, strings.ToUpper(want), "{" + want + "}", h[:4] + "-" + h[4:]}[r.IntN(5)]), want
}

func drawJSON(r *rand.Rand) (row.Value, string) {
	s := strconv.Itoa(r.IntN(1000))
	return row.OfText(s), s
}

func drawMood(r *rand.Rand) (row.Value, string) {
	s := []string{"sad", "so so", "glücklich"}[r.IntN(3)]
	return row.OfText(s), s
}

func drawBytea(r *rand.Rand) (row.Value, string) {
	b := make([]byte, r.IntN(20))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return row.OfText(string(b)), fmt.Sprintf("%x", b)
}

func drawDate(r *rand.Rand) (row.Value, string) {
	switch r.IntN(10) {
	case 0:
		return row.OfInt(row.PosInfinity), "infinity"
	case 1:
		return row.OfInt(row.NegInfinity), "-infinity"
	case 2:
		return row.OfInt(dateMin + epochDays), strconv.Itoa(dateMin + epochDays)
	case 3:
		return row.OfInt(dateEnd + epochDays - 1), strconv.Itoa(dateEnd + epochDays - 1)
	}
	return drawNearDate(r)
}

func drawNearDate(r *rand.Rand) (row.Value, string) {
	n := int64(r.IntN(100_000) - 50_000)
	return row.OfInt(n), strconv.FormatInt(n, 10)
}

func drawTimestamp(r *rand.Rand) (row.Value, string) {
	switch r.IntN(10) {
	case 0:
		return row.OfInt(row.PosInfinity), "infinity"
	case 1:
		return row.OfInt(row.NegInfinity), "-infinity"
	case 2:
		return row.OfInt(timestampMin + epochMicros), strconv.FormatInt(timestampMin+epochMicros, 10)
	case 3:
		return row.OfInt(math.MaxInt64 - 1), strconv.FormatInt(math.MaxInt64-1, 10)
	}
	n := r.Int64N(8e15) - 4e15
	return row.OfInt(n), strconv.FormatInt(n, 10)
}

func drawCentiseconds(r *rand.Rand) (row.Value, string) {
	n := r.Int64N(8e10) - 4e10
	return row.OfInt(n*10_000 + r.Int64N(9000) - 4500), strconv.FormatInt(n, 10)
}

// drawInterval draws parts of one sign, whose text is easy to foretell.
func drawInterval(r *rand.Rand) (row.Value, string) {
	s := row.Span{Months: int32(r.IntN(11)), Days: int32(r.IntN(400)), Micros: r.Int64N(1e12)}
	var parts []string
	for _, p := range []struct {
		n    int32
		unit string
	}{{s.Months, "mon"}, {s.Days, "day"}} {
		if p.n == 1 {
			parts = append(parts, "1 "+p.unit)
		} else if p.n > 1 {
			parts = append(parts, fmt.Sprintf("%d %ss", p.n, p.unit))
		}
	}
	sec := s.Micros / 1e6
	clock := fmt.Sprintf("%02d:%02d:%02d", sec/3600, sec/60%60, sec%60)
	if us := s.Micros % 1e6; us != 0 {
		clock += strings.TrimRight(fmt.Sprintf(".%06d", us), "0")
	}
	if s.Micros != 0 || len(parts) == 0 {
		parts = append(parts, clock)
	}
	return row.OfRef(s), strings.Join(parts, " ")
}

func TestMixedIntervalsArriveAsTheirParts(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE spans (v interval)")
	sink := open(t, conn, sinkOf(plan.Append, "spans", nil, col("v", row.Interval)))
	buf := sink.NewBuffer()
	add(t, buf, row.OfRef(row.Span{Months: math.MaxInt32, Days: math.MinInt32, Micros: math.MaxInt64}))
	add(t, buf, row.OfRef(row.Span{Months: -14, Days: 3, Micros: -1}))
	write(t, conn, sink.Writer([]*Buffer{buf}))
	var raw []string
	rows, err := conn.Query(context.Background(), "SELECT encode(interval_send(v), 'hex') FROM spans")
	require.NoError(t, err)
	raw, err = pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{"7fffffffffffffff800000007fffffff", "ffffffffffffffff00000003fffffff2"}, raw)
	require.Equal(t, []string{"-1 years -2 mons +3 days -00:00:00.000001"}, column1[string](t, conn, "SELECT v::text FROM spans LIMIT 1 OFFSET 1"))
}
