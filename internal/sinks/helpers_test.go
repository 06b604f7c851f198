package sinks

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
	"github.com/millrace/millrace/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// connect opens a connection to a fresh database.
func connect(t testing.TB) *pgx.Conn { return connectTo(t, testkit.Postgres(t)) }

func connectTo(t testing.TB, url string) *pgx.Conn {
	conn, err := pgx.Connect(context.Background(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	return conn
}

func execute(t testing.TB, conn *pgx.Conn, sql string, args ...any) {
	_, err := conn.Exec(context.Background(), sql, args...)
	require.NoError(t, err, sql)
}

// column1 reads a query's one column.
func column1[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) []T {
	rows, err := conn.Query(context.Background(), sql, args...)
	require.NoError(t, err, sql)
	out, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(t, err, sql)
	return out
}

// sinkOf makes a plan.Sink on a table for all columns.
func sinkOf(mode plan.SinkMode, table string, key []string, columns ...row.Column) *plan.Sink {
	p := &plan.Postgres{Table: table, Mode: mode, Key: key}
	for i := range columns {
		p.Columns = append(p.Columns, i)
	}
	return &plan.Sink{Name: "postgres:" + table, Stream: &plan.Stream{Name: "s"}, Columns: columns, Postgres: p}
}

func col(name string, t row.Type) row.Column { return row.Column{Name: name, Type: t} }

func open(t testing.TB, conn Conn, s *plan.Sink) *Table {
	table, err := OpenTable(context.Background(), conn, s)
	require.NoError(t, err)
	return table
}

func add(t testing.TB, b *Buffer, values ...row.Value) { require.NoError(t, b.Add(values)) }

// write writes in a transaction of its own.
func write(t testing.TB, conn *pgx.Conn, w *Writer) { require.NoError(t, tryWrite(conn, w)) }

func tryWrite(conn *pgx.Conn, w *Writer) error {
	return pgx.BeginFunc(context.Background(), conn, func(tx pgx.Tx) error { return w.Write(context.Background(), tx) })
}
