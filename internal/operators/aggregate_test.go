package operators

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/row"
	"github.com/millrace/millrace/internal/testkit"
)

// samples are values of a type as Postgres reads them, and the aggregates that take it. No two of a type are equal, as which of
// them is kept depends on the order; floats are such that no order of adding rounds.
var samples = []struct {
	typ    row.Type
	funcs  string
	values []string
}{
	{row.Int2, "count sum avg min max", []string{"0", "1", "-7", "32767", "-32768"}},
	{row.Int4, "count sum avg min max", []string{"0", "3", "-1", "2147483647", "-2147483648"}},
	{row.Int8, "count sum avg min max", []string{"0", "5", "9223372036854775807", "9223372036854775807", "-9223372036854775808", "-2"}},
	{row.Float8, "count sum avg min max", []string{"0", "0.5", "-1.25", "1024", "-Infinity", "Infinity", "NaN"}},
	{row.Numeric, "count sum avg min max", []string{"0", "1.50", "2.5", "-0.001", "123456789012345678901234567890.5", "1e-20", "NaN"}},
	{row.Text, "count min max", []string{"", "a", "B", "ä", "aa", "\U0001F600"}},
	{row.Date, "count min max", []string{"2001-01-01", "1969-12-31", "infinity", "-infinity"}},
	{row.TimestampTZ, "count min max", []string{"2001-01-01 00:00:00+00", "1900-01-01 12:00:00.5+00", "infinity"}},
	{row.Timestamp, "count min max", []string{"2001-01-01 00:00:00", "1900-01-01 12:00:00.5"}},
	{row.Interval, "count min max", []string{"1 mon", "31 days", "29 days 23:00:00", "-1 day"}},
	{row.Bool, "count", []string{"true", "false"}},
}

// TestAggregatesAreThoseOfPostgres computes every aggregate of every type over random values with NULLs, split over partials that are merged in
// any order and go through the store's format in between, and asks a Postgres for the same.
func TestAggregatesAreThoseOfPostgres(t *testing.T) {
	conn, err := pgx.Connect(t.Context(), testkit.Postgres(t))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	r := rand.New(rand.NewPCG(1, 1))
	for _, s := range samples {
		for _, f := range strings.Fields(s.funcs) {
			for _, call := range []string{f + "(x)", f + "(x) filter (where y)", "count(*)"} {
				t.Run(s.typ.String()+" "+call, func(t *testing.T) {
					l, result := layoutOf(t, call, s.typ)
					for range 30 {
						xs, ys := draw(r, s.values)
						var want *string
						sql := fmt.Sprintf("SELECT (%s)::text FROM (SELECT x::%s, y::boolean FROM unnest($1::text[], $2::text[]) v (x, y)) v", call, s.typ)
						require.NoError(t, conn.QueryRow(t.Context(), sql, xs, ys).Scan(&want))
						got := aggregate(t, r, l, s.typ, xs, ys)
						if want == nil {
							require.True(t, got.Null, "%v", xs)
							continue
						}
						require.False(t, got.Null, "%v", xs)
						require.Equal(t, *want, expr.Format(got, result), "%v %v", xs, ys)
					}
				})
			}
		}
	}
}

// draw gives up to 12 values with as many conditions; nil is NULL.
func draw(r *rand.Rand, values []string) (xs, ys []*string) {
	for range r.IntN(13) {
		var x, y *string
		if r.IntN(4) > 0 {
			x = &values[r.IntN(len(values))]
		}
		if k := r.IntN(5); k > 0 {
			y = &[]string{"true", "false"}[k%2]
		}
		xs, ys = append(xs, x), append(ys, y)
	}
	return xs, ys
}

func layoutOf(t *testing.T, call string, x row.Type) (*layout, row.Type) {
	t.Helper()
	scope := expr.Scope{Columns: []row.Column{{Name: "x", Type: x}, {Name: "y", Type: row.Bool}}}
	agg, errs := expr.CompileAggregation([]expr.Named{{Name: "v", Source: call}}, scope, nil, nil)
	require.Empty(t, errs)
	require.Len(t, agg.Aggs, 1)
	return newLayout(agg.Aggs), agg.Results[0].Type
}

func newAcc(l *layout) acc {
	return acc{cells: make([]cell, l.cells), heavy: make([]row.Value, l.heavy)}
}

// aggregate adds the values to up to three accumulators and merges them, each through its encoding or not.
func aggregate(t *testing.T, r *rand.Rand, l *layout, typ row.Type, xs, ys []*string) row.Value {
	t.Helper()
	parts := make([]acc, 1+r.IntN(3))
	for i := range parts {
		parts[i] = newAcc(l)
	}
	for i := range xs {
		e := &expr.Env{Row: []row.Value{parse(t, xs[i], typ), parse(t, ys[i], row.Bool)}}
		in := make([]input, 1)
		if l.aggs[0].load != nil {
			l.aggs[0].load(e, &in[0])
		}
		require.NoError(t, e.Err)
		require.NoError(t, l.add(parts[r.IntN(len(parts))], in))
	}
	total := newAcc(l)
	for _, i := range r.Perm(len(parts)) {
		require.NoError(t, l.merge(total, stored(t, r, l, parts[i])))
		total = stored(t, r, l, total)
	}
	out := make([]row.Value, 1)
	l.results(total, out)
	return out[0]
}

// stored takes accumulators to the store's bytes and back, sometimes; the bytes are spoiled afterwards.
func stored(t *testing.T, r *rand.Rand, l *layout, a acc) acc {
	t.Helper()
	if r.IntN(2) == 0 {
		return a
	}
	bytes, b := l.encode(nil, a), newAcc(l)
	require.NoError(t, l.decode(bytes, b))
	for i := range bytes {
		require.Error(t, l.decode(bytes[:i], newAcc(l)), "cut at %d", i)
	}
	require.Error(t, l.decode(append(bytes[:len(bytes):len(bytes)], 0), newAcc(l)), "a byte too many")
	clear(bytes)
	return b
}

func parse(t *testing.T, s *string, typ row.Type) row.Value {
	t.Helper()
	if s == nil {
		return row.NullValue
	}
	v, err := expr.ParseText(*s, typ)
	require.NoError(t, err)
	return v
}

func TestSumsOfBigintGoOnBeyondBigint(t *testing.T) {
	l, typ := layoutOf(t, "sum(x)", row.Int8)
	a := newAcc(l)
	in := []input{{v: row.OfInt(1<<63 - 1)}}
	for range 5 {
		require.NoError(t, l.add(a, in))
	}
	b := newAcc(l)
	require.NoError(t, l.decode(l.encode(nil, a), b))
	require.NoError(t, l.merge(b, a))
	out := make([]row.Value, 1)
	l.results(b, out)
	require.Equal(t, "92233720368547758070", expr.Format(out[0], typ))
}

func TestASumOfIntegersBeyondBigintIsAnErrorAsInPostgres(t *testing.T) {
	l, _ := layoutOf(t, "sum(x)", row.Int4)
	for _, n := range []int64{1, -1} {
		a, b := newAcc(l), newAcc(l)
		a.cells[0], b.cells[0] = cell{n: n * (1<<63 - 1), c: 1}, cell{n: n * 2, c: 1}
		require.ErrorIs(t, l.merge(a, b), errBigintRange)
	}
}

func TestTheLeastTextOutlivesTheRecordThatItCameFrom(t *testing.T) {
	l, _ := layoutOf(t, "min(x)", row.Text)
	a, record := newAcc(l), []byte("abc")
	require.NoError(t, l.add(a, []input{{v: row.OfText(row.String(record))}}))
	copy(record, "zzz")
	out := make([]row.Value, 1)
	l.results(a, out)
	require.Equal(t, "abc", out[0].S)
}
