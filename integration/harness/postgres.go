//go:build integration

package harness

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
)

// User and Password of the Postgres in the container; the user is a superuser.
const (
	User     = "millrace"
	Password = "mill-race-secret"
)

// PostgresServer is a Postgres in a container.
type PostgresServer struct{ *server }

// The data folder can be swapped only while no server runs on it, so the swap is done by the command that starts the server.
const (
	backupDir      = "/var/lib/postgresql/backup"
	restoreMark    = "/var/lib/postgresql/restore"
	startOrRestore = `set -e
if [ -e ` + restoreMark + ` ]; then
  find "$PGDATA" -mindepth 1 -delete; cp -a ` + backupDir + `/. "$PGDATA"; rm ` + restoreMark + `
fi
exec docker-entrypoint.sh postgres -c timezone=UTC -c max_connections=200`
)

// Postgres returns the server that all tests of the binary share.
func Postgres(t *testing.T) *PostgresServer {
	t.Helper()
	p, err := sharedPostgres()
	require.NoError(t, err)
	return p
}

// OwnPostgres starts a server for one test only: for tests that turn it back in time.
func OwnPostgres(t *testing.T) *PostgresServer {
	t.Helper()
	p, err := startPostgres(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = testcontainers.TerminateContainer(p.c) })
	return p
}

func startPostgres(ctx context.Context) (*PostgresServer, error) {
	s, err := run(ctx, "postgres", "5432/tcp", func(int) testcontainers.ContainerRequest {
		return testcontainers.ContainerRequest{
			Image:      imageOf("MILLRACE_TEST_POSTGRES_IMAGE", "postgres:17"),
			Env:        map[string]string{"POSTGRES_USER": User, "POSTGRES_PASSWORD": Password},
			Entrypoint: []string{"bash", "-c", startOrRestore},
		}
	}, func(addr string) func(context.Context) error {
		return func(ctx context.Context) error { return postgresAnswers(ctx, postgresURL(addr, "postgres")) }
	})
	if err != nil {
		return nil, err
	}
	return &PostgresServer{s}, nil
}

func postgresURL(addr, database string) string {
	return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", User, Password, addr, database)
}

func postgresAnswers(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return conn.Ping(ctx)
}

var databases atomic.Int64

// Database makes a fresh database and returns its name; it is dropped when the test ends well.
func (p *PostgresServer) Database(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", databases.Add(1))
	p.admin(t.Context(), t, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'")
	t.Cleanup(func() {
		if !t.Failed() { // what a failed test left is for people to look at while the server runs
			p.admin(context.Background(), t, "DROP DATABASE "+name+" WITH (FORCE)")
		}
	})
	return name
}

func (p *PostgresServer) admin(ctx context.Context, t *testing.T, sql string) {
	t.Helper()
	conn, err := pgx.Connect(ctx, postgresURL(p.addr, "postgres"))
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, sql)
	require.NoError(t, err, sql)
}

// URL is the connection string of a database.
func (p *PostgresServer) URL(database string) string { return postgresURL(p.addr, database) }

// Exec runs a statement in a database.
func (p *PostgresServer) Exec(t *testing.T, database, sql string, args ...any) {
	t.Helper()
	conn := p.connect(t, database)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err := conn.Exec(t.Context(), sql, args...)
	require.NoError(t, err, sql)
}

// Query returns the rows of a query, every value as text and NULL as "NULL".
func (p *PostgresServer) Query(t *testing.T, database, sql string, args ...any) [][]string {
	t.Helper()
	rows, err := p.TryQuery(t, database, sql, args...)
	require.NoError(t, err, sql)
	return rows
}

// TryQuery is Query for a table that may not be there yet.
func (p *PostgresServer) TryQuery(t *testing.T, database, sql string, args ...any) ([][]string, error) {
	t.Helper()
	conn := p.connect(t, database)
	defer conn.Close(context.WithoutCancel(t.Context()))
	rows, err := conn.Query(t.Context(), sql, append([]any{pgx.QueryExecModeSimpleProtocol}, args...)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) ([]string, error) {
		line := make([]string, 0, len(r.RawValues()))
		for _, v := range r.RawValues() { // the simple protocol answers in text
			if v == nil {
				line = append(line, "NULL")
				continue
			}
			line = append(line, string(v))
		}
		return line, nil
	})
}

func (p *PostgresServer) connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.URL(database))
	require.NoError(t, err)
	return conn
}

// Backup takes a base backup of the whole server, which goes on running.
func (p *PostgresServer) Backup(t *testing.T) {
	t.Helper()
	p.exec(t, "postgres", "bash", "-c", "rm -rf "+backupDir+" && pg_basebackup -U "+User+" -D "+backupDir+" -c fast -X stream")
}

// Restore turns the whole server back to the backup: it is stopped, its data folder is replaced, and it is started again.
func (p *PostgresServer) Restore(t *testing.T) {
	t.Helper()
	p.exec(t, "postgres", "touch", restoreMark)
	p.Stop(t)
	p.Start(t)
}
