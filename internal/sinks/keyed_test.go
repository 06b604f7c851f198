package sinks

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

func TestKeysThatPostgresTakesAsEqualAreOneRow(t *testing.T) {
	conn := connect(t)
	num := func(s string) row.Value { return row.OfRef(decimal(s)) }
	for i, c := range []struct {
		column  string
		from    row.Type
		a, b    row.Value
		visible string
	}{
		{"numeric", row.Numeric, num("1.50"), num("1.5000"), "1.5"},
		{"numeric", row.Numeric, num("0.00"), num("0"), "0"},
		{"numeric", row.Numeric, num("12E+3"), num("12000"), "12000"},
		{"numeric(9,2)", row.Numeric, num("1.5"), num("1.500"), "1.50"},
		{"float8", row.Float8, row.OfFloat(0), row.OfFloat(math.Copysign(0, -1)), "0"},
		{"float8", row.Float8, row.OfFloat(math.NaN()), row.OfFloat(math.Float64frombits(0xFFF8000000000001)), "NaN"},
		{"float8", row.Numeric, num("0.1"), num("0.10"), "0.1"},
		{"varchar(3)", row.Text, row.OfText("abc"), row.OfText("abc  "), "abc"},
		{"char(3)", row.Text, row.OfText("a"), row.OfText("a "), "a"},
		{"uuid", row.Text, row.OfText("{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}"), row.OfText("a0eebc999c0b4ef8bb6d6bb9bd380a11"), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{"timestamp", row.Date, row.OfInt(0), row.OfInt(0), "1970-01-01 00:00:00"},
	} {
		t.Run(fmt.Sprintf("%s %d", c.column, i), func(t *testing.T) {
			name := fmt.Sprintf("k%d", i)
			execute(t, conn, fmt.Sprintf("CREATE TABLE %s (k %s PRIMARY KEY, n int)", name, c.column))
			for _, mode := range []plan.SinkMode{plan.Upsert, plan.Add} {
				table := open(t, conn, sinkOf(mode, name, []string{"k"}, col("k", c.from), col("n", row.Int4)))
				buf := table.NewBuffer()
				add(t, buf, c.a, row.OfInt(1))
				add(t, buf, c.b, row.OfInt(2))
				write(t, conn, table.Writer([]*Buffer{buf}))
			}
			require.Equal(t, []string{c.visible + " 5"}, column1[string](t, conn, "SELECT k::text || ' ' || n FROM "+name))
		})
	}
}

func TestANullIncrementAddsNothing(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE sums (k int PRIMARY KEY, n int, x numeric, s interval)")
	execute(t, conn, "INSERT INTO sums VALUES (1, NULL, NULL, NULL), (2, 5, 0.5, '1 day')")
	table := open(t, conn, sinkOf(plan.Add, "sums", []string{"k"}, col("k", row.Int4), col("n", row.Int4), col("x", row.Numeric), col("s", row.Interval)))
	null, day := row.NullValue, row.OfRef(row.Span{Days: 1})
	for _, repeat := range []int{1, 2} { // both ways: as they are, and summed
		buf := table.NewBuffer()
		for range repeat {
			add(t, buf, row.OfInt(1), row.OfInt(7), null, day)
			add(t, buf, row.OfInt(2), null, row.OfRef(apd.New(25, -2)), null)
			add(t, buf, row.OfInt(3), null, null, null)
		}
		write(t, conn, table.Writer([]*Buffer{buf}))
	}
	require.Equal(t, []string{"1|21|∅|3 days", "2|5|1.25|1 day", "3|∅|∅|∅"},
		column1[string](t, conn, "SELECT array_to_string(ARRAY[k::text, n::text, x::text, s::text], '|', '∅') FROM sums ORDER BY k"))
}

func TestASumThatPassesTheColumnIsRefused(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE sums (k int PRIMARY KEY, n smallint)")
	table := open(t, conn, sinkOf(plan.Add, "sums", []string{"k"}, col("k", row.Int4), col("n", row.Int8)))
	for _, increments := range [][]int64{{30_000, 2767}, {1}} {
		buf := table.NewBuffer()
		for _, n := range increments {
			add(t, buf, row.OfInt(1), row.OfInt(n))
		}
		err := tryWrite(conn, table.Writer([]*Buffer{buf}))
		if increments[0] == 1 {
			require.ErrorContains(t, err, "22003")
		} else {
			require.NoError(t, err)
		}
	}
	require.Equal(t, []int64{32767}, column1[int64](t, conn, "SELECT n::int8 FROM sums"))
}

func TestNullKeysAreOneRowWhereTheIndexSaysSo(t *testing.T) {
	conn := connect(t)
	if column1[bool](t, conn, "SELECT current_setting('server_version_num')::int < 150000")[0] {
		t.Skip("NULLS NOT DISTINCT exists since Postgres 15")
	}
	execute(t, conn, "CREATE TABLE counts (word text, n int, UNIQUE NULLS NOT DISTINCT (word))")
	table := open(t, conn, sinkOf(plan.Upsert, "counts", []string{"word"}, col("word", row.Text), col("n", row.Int4)))
	buf := table.NewBuffer()
	add(t, buf, row.NullValue, row.OfInt(1))
	add(t, buf, row.OfText(""), row.OfInt(2))
	add(t, buf, row.NullValue, row.OfInt(3))
	write(t, conn, table.Writer([]*Buffer{buf}))
	write(t, conn, table.Writer([]*Buffer{buf}))
	require.Equal(t, []string{"=2", "∅=3"}, column1[string](t, conn, "SELECT coalesce(word, '∅') || '=' || n FROM counts ORDER BY n"))
}

func TestATableOfKeysOnlyTakesEveryKeyOnce(t *testing.T) {
	conn := connect(t)
	s := sinkOf(plan.Upsert, "seen", []string{"b", "a"}, col("a", row.Text), col("b", row.Int8))
	s.Postgres.Create = true
	table := open(t, conn, s)
	buf := table.NewBuffer()
	for i := range 10 {
		add(t, buf, row.OfText(fmt.Sprint("k", i%3)), row.OfInt(int64(i%2)))
	}
	write(t, conn, table.Writer([]*Buffer{buf}))
	write(t, conn, table.Writer([]*Buffer{buf}))
	require.Equal(t, []string{"k0 0", "k0 1", "k1 0", "k1 1", "k2 0", "k2 1"}, column1[string](t, conn, "SELECT a || ' ' || b FROM seen ORDER BY a, b"))
}

func TestPartitionedTablesTakeUpserts(t *testing.T) {
	conn := connect(t)
	execute(t, conn, `CREATE TABLE counts (day date, word text, n bigint, PRIMARY KEY (word, day)) PARTITION BY RANGE (day);
		CREATE TABLE counts_old PARTITION OF counts FOR VALUES FROM (MINVALUE) TO ('1970-02-01'); CREATE TABLE counts_new PARTITION OF counts DEFAULT`)
	table := open(t, conn, sinkOf(plan.Upsert, "counts", []string{"day", "word"}, col("day", row.Date), col("word", row.Text), col("n", row.Int8)))
	buf := table.NewBuffer()
	for day := range 60 {
		add(t, buf, row.OfInt(int64(day)), row.OfText("a"), row.OfInt(1))
	}
	write(t, conn, table.Writer([]*Buffer{buf}))
	write(t, conn, table.Writer([]*Buffer{buf}))
	require.Equal(t, []int64{31, 29}, column1[int64](t, conn, "SELECT count(*) FROM counts GROUP BY tableoid ORDER BY 1 DESC"))
}

// The order of items must be one and the same for all batches (K4), whatever prefix a batch's keys share.
func TestTheOrderOfKeysDoesNotDependOnTheBatch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tuple := func() item {
		key := make([]byte, tupleHeader, 20)
		for range r.IntN(14) {
			key = append(key, "\x00\x01a\xFF"[r.IntN(4)])
		}
		return item{key: len(key), tuple: key}
	}
	for range 300 {
		batch := make([]item, 2+r.IntN(40))
		for i := range batch {
			batch[i] = tuple()
			batch[i].seq = i
			if r.IntN(3) == 0 {
				batch[i].tuple, batch[i].key = batch[0].tuple, batch[0].key
			}
		}
		want := slices.Clone(batch)
		slices.SortStableFunc(want, func(a, b item) int { return slices.Compare(a.keyBytes(), b.keyBytes()) })
		sortByKey(batch)
		for i := range want {
			require.Equal(t, want[i].seq, batch[i].seq)
		}
	}
}
