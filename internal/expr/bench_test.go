package expr

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/row"
)

var benchColumns = []row.Column{
	{Name: "delay", Type: row.Int4}, {Name: "status", Type: row.Int4}, {Name: "word", Type: row.Text}, {Name: "ts", Type: row.Int8},
	{Name: "origin", Type: row.Text}, {Name: "at", Type: row.TimestampTZ}, {Name: "line", Type: row.Text}, {Name: "w", Type: row.Text},
	{Name: "price", Type: row.Float8},
}

var benchRow = []row.Value{
	row.OfInt(20), row.OfInt(200), row.OfText("stream"), row.OfInt(1700000000123), row.OfText("LIH"), row.OfInt(1700000000123456),
	row.OfText("The quick brown fox, jumps over the lazy dog; and runs away from 42 wolves."), row.OfText("Quick"), row.OfFloat(19.99),
}

// perRecord are the shapes that run for every record: they must not allocate.
var perRecord = []string{
	"delay > 15", "status = 200", "word <> ''", "delay > 15 and origin <> 'HNL'", "lower(word)", "lower(w)", "to_timestamp(ts / 1000.0)",
	"timestamptz '1970-01-01' + ts * interval '1 millisecond'", "delay + 1", "delay * 2 + status", "date_trunc('hour', at)",
	"at > '2023-01-01'", "case when delay > 15 then 'late' else 'ok' end", "coalesce(origin, 'none')", "origin in ('LIH', 'HNL', 'OGG', 'KOA')",
	"trim(w)", "substr(line, 5, 5)", "split_part(line, ' ', 3)", "length(w) > 3", "w like 'Qu%'", "w is not null", "date_part('hour', at)", "price * 1.1::float8",
	"w || '!'", "origin", "now()",
}

func compiled(t testing.TB, source string) *Expr {
	x, errs := Compile(source, Scope{Columns: benchColumns})
	require.Empty(t, errs, source)
	return x
}

// run gives a function that evaluates by the closure that a caller would use.
func run(x *Expr, e *Env) func() {
	switch {
	case x.Bool != nil:
		return func() { x.Bool(e) }
	case x.Int != nil:
		return func() { x.Int(e) }
	case x.Float != nil:
		return func() { x.Float(e) }
	case x.Text != nil:
		return func() { x.Text(e); e.Scratch.Reset() }
	}
	return func() { x.Ref(e) }
}

func BenchmarkPerRecord(b *testing.B) {
	for _, source := range perRecord {
		b.Run(source, func(b *testing.B) {
			e := &Env{Row: benchRow}
			f := run(compiled(b, source), e)
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
			require.NoError(b, e.Err)
		})
	}
}

func TestTheCommonShapesDoNotAllocate(t *testing.T) {
	for _, source := range perRecord {
		e := &Env{Row: benchRow}
		f := run(compiled(t, source), e)
		f() // the arena's first block
		require.Zero(t, testing.AllocsPerRun(100, f), source)
		require.NoError(t, e.Err)
	}
}

var splitters = []string{
	`regexp_split_to_array(line, '[^a-zA-Z0-9]+')`, `regexp_split_to_array(lower(line), '[^a-z0-9]+')`, `regexp_split_to_array(line, '\s+')`,
	`regexp_split_to_array(line, '\W+')`, `regexp_split_to_array(line, '[,;]')`, `regexp_split_to_array(line, ' ')`, `string_to_array(line, ' ')`,
}

func BenchmarkEach(b *testing.B) {
	for _, source := range append(splitters, `regexp_split_to_array(line, '(, | )')`) {
		b.Run(source, func(b *testing.B) {
			e := &Env{Row: benchRow}
			x := compiled(b, source)
			n := 0
			emit := func(row.Value) { n++ }
			b.ReportAllocs()
			b.SetBytes(int64(len(benchRow[6].S)))
			for b.Loop() {
				x.Each(e, emit)
				e.Scratch.Reset()
			}
		})
	}
}

func TestSplittingByAClassDoesNotAllocateAndCannotFail(t *testing.T) {
	for _, source := range splitters {
		e := &Env{Row: benchRow}
		x := compiled(t, source)
		emit := func(row.Value) {}
		f := func() { x.Each(e, emit); e.Scratch.Reset() }
		f()
		require.Zero(t, testing.AllocsPerRun(100, f), source)
		require.False(t, x.Fallible, source)
	}
}

func BenchmarkNumeric(b *testing.B) {
	for _, source := range []string{"delay * 1.1", "ts / 1000.0", "delay + 0.5 > 20"} {
		b.Run(source, func(b *testing.B) {
			e := &Env{Row: benchRow}
			f := run(compiled(b, source), e)
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}

func BenchmarkParseTimestampTZ(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseText("2001-02-03T04:05:06.789Z", row.TimestampTZ); err != nil {
			b.Fatal(err)
		}
	}
}

func TestReadingAnISOTimestampDoesNotAllocate(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = ParseText("2001-02-03 04:05:06.789+02:00", row.TimestampTZ) }))
}
