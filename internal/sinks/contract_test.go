package sinks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
	"github.com/millrace/millrace/internal/testkit"
)

// contract is what every mode promises; the wanted tables differ by mode.
type contract struct {
	name string
	mode plan.SinkMode
	ddl  string // after the columns
	// What the table `counts (word, n)` holds, as word=n in the order of word and n, after…
	once, twice []string // …writing a=1 b=2 a=3 once, and twice
	onTop       []string // …writing them once where a=10 stood before
}

func contracts() []contract {
	return []contract{
		{"append", plan.Append, "", []string{"a=1", "a=3", "b=2"}, []string{"a=1", "a=1", "a=3", "a=3", "b=2", "b=2"}, []string{"a=1", "a=3", "a=10", "b=2"}},
		{"append with row-level security", plan.Append, "rls", []string{"a=1", "a=3", "b=2"}, []string{"a=1", "a=1", "a=3", "a=3", "b=2", "b=2"}, []string{"a=1", "a=3", "a=10", "b=2"}},
		{"upsert", plan.Upsert, ", UNIQUE (word)", []string{"a=3", "b=2"}, []string{"a=3", "b=2"}, []string{"a=3", "b=2"}},
		{"add", plan.Add, ", UNIQUE (word)", []string{"a=4", "b=2"}, []string{"a=8", "b=4"}, []string{"a=14", "b=2"}},
	}
}

func TestEveryModeKeepsTheContract(t *testing.T) {
	for _, c := range contracts() {
		t.Run(c.name, func(t *testing.T) {
			t.Run("ABatchIsWrittenOnce", func(t *testing.T) {
				conn, w := c.open(t)
				write(t, conn, w)
				require.Equal(t, c.once, counts(t, conn))
			})
			t.Run("TheSameBatchCanBeWrittenTwice", func(t *testing.T) {
				conn, w := c.open(t)
				write(t, conn, w)
				write(t, conn, w)
				require.Equal(t, c.twice, counts(t, conn))
			})
			t.Run("ABatchMeetsTheRowsThatAreThere", func(t *testing.T) {
				conn, w := c.open(t)
				execute(t, conn, "INSERT INTO counts VALUES ('a', 10)")
				write(t, conn, w)
				require.Equal(t, c.onTop, counts(t, conn))
			})
			t.Run("AWriteThatIsRolledBackLeavesNoRowAndCanBeRepeated", func(t *testing.T) { c.rolledBack(t) })
			t.Run("AFailedWriteLeavesNoRow", func(t *testing.T) { c.failed(t) })
			t.Run("AnEmptyBatchWritesNothing", func(t *testing.T) { c.empty(t) })
			t.Run("AConnectionThatDoesNotPrepareStatementsWillDo", func(t *testing.T) { c.unprepared(t) })
		})
	}
}

// open makes the table and a batch of two workers: a=1 b=2 from one, and a=3 from the other.
func (c contract) open(t *testing.T) (*pgx.Conn, *Writer) {
	conn := connect(t)
	return conn, c.batch(t, conn)
}

func (c contract) batch(t *testing.T, conn *pgx.Conn) *Writer {
	if c.ddl == "rls" {
		execute(t, conn, `CREATE TABLE counts (word text, n int CHECK (n < 1000)); ALTER TABLE counts ENABLE ROW LEVEL SECURITY;
			CREATE POLICY all_rows ON counts USING (true)`)
		role := "writer_" + conn.Config().Database
		execute(t, conn, fmt.Sprintf("CREATE ROLE %s; GRANT ALL ON counts TO %[1]s; SET ROLE %[1]s", role))
		t.Cleanup(func() { execute(t, conn, fmt.Sprintf("RESET ROLE; DROP OWNED BY %s; DROP ROLE %[1]s", role)) })
	} else {
		execute(t, conn, "CREATE TABLE counts (word text, n int CHECK (n < 1000)"+c.ddl+")")
	}
	table := open(t, conn, c.sink())
	first, second := table.NewBuffer(), table.NewBuffer()
	add(t, first, row.OfText("a"), row.OfInt(1))
	add(t, first, row.OfText("b"), row.OfInt(2))
	add(t, second, row.OfText("a"), row.OfInt(3))
	w := table.Writer([]*Buffer{first, table.NewBuffer(), second})
	require.EqualValues(t, 3, w.Rows())
	return w
}

func (c contract) sink() *plan.Sink {
	return sinkOf(c.mode, "counts", []string{"word"}, col("word", row.Text), col("n", row.Int8))
}

func (c contract) rolledBack(t *testing.T) {
	conn, w := c.open(t)
	stop := errors.New("stop")
	err := pgx.BeginFunc(context.Background(), conn, func(tx pgx.Tx) error {
		require.NoError(t, w.Write(context.Background(), tx))
		return stop
	})
	require.ErrorIs(t, err, stop)
	require.Empty(t, counts(t, conn))
	write(t, conn, w)
	require.Equal(t, c.once, counts(t, conn))
}

func (c contract) failed(t *testing.T) {
	conn, w := c.open(t)
	bad := w.Table().NewBuffer()
	add(t, bad, row.OfText("c"), row.OfInt(1000))
	err := tryWrite(conn, w.Table().Writer(append(w.buffers, bad)))
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "23514", pg.Code)
	require.ErrorContains(t, err, "sink postgres:counts: write 4 rows to \"public\".\"counts\"")
	require.Empty(t, counts(t, conn))
}

func (c contract) empty(t *testing.T) {
	conn, w := c.open(t)
	execute(t, conn, "RESET ROLE; DROP TABLE counts") // so that any statement would fail
	write(t, conn, w.Table().Writer([]*Buffer{w.Table().NewBuffer()}))
	write(t, conn, w.Table().Writer(nil))
}

func (c contract) unprepared(t *testing.T) {
	config, err := pgx.ParseConfig(testkit.Postgres(t))
	require.NoError(t, err)
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(context.Background(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	write(t, conn, c.batch(t, conn))
	require.Equal(t, c.once, counts(t, conn))
	require.Empty(t, column1[string](t, conn, "SELECT statement FROM pg_prepared_statements"))
}

func counts(t *testing.T, conn *pgx.Conn) []string {
	return column1[string](t, conn, "SELECT word || '=' || coalesce(n::text, 'NULL') FROM counts ORDER BY word, n")
}

func TestAppendKeepsTheOrderOfTheBuffers(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE counts (at int GENERATED BY DEFAULT AS IDENTITY, word text, n bigint)")
	table := open(t, conn, sinkOf(plan.Append, "counts", nil, col("word", row.Text), col("n", row.Int8)))
	var buffers []*Buffer
	for i := range 3 {
		b := table.NewBuffer()
		for j := range 20_000 {
			add(t, b, row.OfText("some word"), row.OfInt(int64(i*20_000+j)))
		}
		require.Greater(t, len(b.chunks), 1)
		buffers = append(buffers, b)
	}
	write(t, conn, table.Writer(buffers))
	require.Equal(t, []int64{60_000}, column1[int64](t, conn, "SELECT count(*) FROM counts WHERE at = n + 1"))
}

func TestAKeyedBatchOfSeveralStatementsIsWhole(t *testing.T) {
	const keys = 2*statementRows + 100
	for _, mode := range []plan.SinkMode{plan.Upsert, plan.Add} {
		conn := connect(t)
		s := sinkOf(mode, "counts", []string{"word"}, col("word", row.Text), col("n", row.Int8))
		s.Postgres.Create = true
		table := open(t, conn, s)
		buf := table.NewBuffer()
		for i := range 2 * keys { // every key twice, so that some key's rows lie on both sides of a cut
			add(t, buf, row.OfText(fmt.Sprint(i%keys)), row.OfInt(int64(1+i/keys)))
		}
		write(t, conn, table.Writer([]*Buffer{buf}))
		want := map[plan.SinkMode]int64{plan.Upsert: 2, plan.Add: 3}[mode]
		require.Equal(t, []int64{keys}, column1[int64](t, conn, "SELECT count(*) FROM counts WHERE n = $1", want))
	}
}

// Without the order of keys (K4) this deadlocks at once: the two writers meet the same keys from opposite ends.
func TestTwoWritersOfOneTableDoNotDeadlock(t *testing.T) {
	url := testkit.Postgres(t)
	for _, mode := range []plan.SinkMode{plan.Upsert, plan.Add} {
		s := sinkOf(mode, fmt.Sprintf("counts%d", mode), []string{"word", "part"}, col("part", row.Int4), col("word", row.Text), col("n", row.Int8))
		s.Postgres.Create = true
		var writers sync.WaitGroup
		conns := []*pgx.Conn{connectTo(t, url), connectTo(t, url)}
		open(t, conns[0], s)
		errs := make([]error, len(conns))
		for k, conn := range conns {
			table := open(t, conn, s)
			buf := table.NewBuffer()
			for i := range 3000 {
				if k == 1 {
					i = 2999 - i
				}
				add(t, buf, row.OfInt(int64(i%7)), row.OfText(fmt.Sprint(i)), row.OfInt(1))
				if k == 0 && i == 1500 {
					add(t, buf, row.OfInt(int64(i%7)), row.OfText(fmt.Sprint(i)), row.OfInt(1)) // one of them takes the way of sums
				}
			}
			writers.Go(func() {
				for range 20 {
					errs[k] = errors.Join(errs[k], tryWrite(conn, table.Writer([]*Buffer{buf})))
				}
			})
		}
		writers.Wait()
		require.NoError(t, errors.Join(errs...))
	}
}
