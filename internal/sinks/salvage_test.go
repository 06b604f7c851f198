package sinks

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

func trySalvage(conn *pgx.Conn, w *Writer) (refused []Refused, err error) {
	err = pgx.BeginFunc(context.Background(), conn, func(tx pgx.Tx) error {
		refused, err = w.Salvage(context.Background(), tx)
		return err
	})
	return refused, err
}

func TestSalvageWritesAllRowsButThoseThatPostgresRefuses(t *testing.T) {
	for _, c := range []struct {
		mode plan.SinkMode
		ddl  string
	}{{plan.Append, ""}, {plan.Upsert, ", UNIQUE (word)"}, {plan.Add, ", UNIQUE (word)"}} {
		t.Run(fmt.Sprint("mode ", c.mode), func(t *testing.T) {
			conn := connect(t)
			execute(t, conn, "CREATE TABLE counts (word text, n int CHECK (n <> 13)"+c.ddl+")")
			table := open(t, conn, sinkOf(c.mode, "counts", []string{"word"}, col("word", row.Text), col("n", row.Int4)))
			first, second := table.NewBuffer(), table.NewBuffer()
			for i := range 500 {
				b, n := first, int64(1)
				if i >= 200 {
					b = second
				}
				if i == 3 || i == 199 || i == 200 || i == 499 {
					n = 13
				}
				add(t, b, row.OfText(fmt.Sprint("w", i)), row.OfInt(n))
			}
			w := table.Writer([]*Buffer{first, table.NewBuffer(), second})
			require.Error(t, tryWrite(conn, w))
			refused, err := trySalvage(conn, w)
			require.NoError(t, err)
			var places []string
			for _, r := range refused {
				places = append(places, fmt.Sprint(r.Buffer, "/", r.Row))
				var pg *pgconn.PgError
				require.ErrorAs(t, r.Err, &pg)
				require.Equal(t, "counts_n_check", pg.ConstraintName)
			}
			require.Equal(t, []string{"0/3", "0/199", "2/0", "2/299"}, places)
			require.Equal(t, []int64{496}, column1[int64](t, conn, "SELECT count(*) FROM counts WHERE n = 1"))
		})
	}
}

func TestSalvageKeepsTheFirstOfRowsThatClash(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE counts (word text UNIQUE, n int)")
	table := open(t, conn, sinkOf(plan.Append, "counts", nil, col("word", row.Text), col("n", row.Int4)))
	buf := table.NewBuffer()
	for i := range 20 {
		add(t, buf, row.OfText(fmt.Sprint(i%15)), row.OfInt(int64(i)))
	}
	refused, err := trySalvage(conn, table.Writer([]*Buffer{buf}))
	require.NoError(t, err)
	require.Len(t, refused, 5)
	require.Equal(t, 15, refused[0].Row)
	require.Equal(t, []int32{14}, column1[int32](t, conn, "SELECT max(n) FROM counts"))
}

func TestSalvageFallsBackToTheEarlierRowOfAKey(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE counts (word text PRIMARY KEY, n int CHECK (n <> 13))")
	table := open(t, conn, sinkOf(plan.Upsert, "counts", []string{"word"}, col("word", row.Text), col("n", row.Int4)))
	buf := table.NewBuffer()
	add(t, buf, row.OfText("a"), row.OfInt(1))
	add(t, buf, row.OfText("a"), row.OfInt(13))
	refused, err := trySalvage(conn, table.Writer([]*Buffer{buf}))
	require.NoError(t, err)
	require.Len(t, refused, 1)
	require.Equal(t, []string{"a=1"}, counts(t, conn))
}

func TestSalvageGivesUpWhereItIsNotTheData(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE counts (word text, n int CHECK (n <> 13))")
	table := open(t, conn, sinkOf(plan.Append, "counts", nil, col("word", row.Text), col("n", row.Int4)))
	buf := table.NewBuffer()
	for range maxRefused + 1 {
		add(t, buf, row.OfText("a"), row.OfInt(13))
	}
	_, err := trySalvage(conn, table.Writer([]*Buffer{buf}))
	require.ErrorIs(t, err, ErrTooManyRefused)
	buf.Truncate(1)
	execute(t, conn, "ALTER TABLE counts DROP COLUMN n")
	_, err = trySalvage(conn, table.Writer([]*Buffer{buf}))
	require.ErrorContains(t, err, "42703")
}
