// Package postgres_test proves roles.sql on a real Postgres, by running the service itself under the roles that it makes.
package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/app"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/offsets"
	"github.com/millrace/millrace/internal/pipeline"
	"github.com/millrace/millrace/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	migrator = "millrace_migrator"
	runtime  = "millrace_runtime"
	reader   = "millrace_reader"
	secret   = "a password of the test"
)

// denied is the SQLSTATE of everything that a role may not do.
const denied = "42501"

// install runs roles.sql as whom url names, twice, and gives the roles a password.
func install(t *testing.T, url string) {
	t.Helper()
	script, err := os.ReadFile("roles.sql")
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, do(t, url, string(script)))
	}
	for _, role := range []string{migrator, runtime, reader} {
		require.NoError(t, do(t, url, fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", role, secret)))
	}
}

// do runs SQL as whom url names.
func do(t *testing.T, url, sql string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.PgConn().Exec(t.Context(), sql).ReadAll()
	return err
}

func get[T any](t *testing.T, url, sql string) (v T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&v))
	return v
}

func migrate(t *testing.T, url string) error {
	t.Helper()
	l, err := offsets.Open(t.Context(), offsets.Config{ConnString: url, Instance: "migrate"})
	require.NoError(t, err)
	defer l.Close()
	return l.Migrate(t.Context())
}

// The pipeline has all that touches the database: state, a dead letter, an append and an upsert sink.
const file = `pipeline: words
sources:
  lines:
    kafka: {topic: lines, start: earliest}
    format:
      json: {word: text, n: int}
    on_error: dead-letter
streams:
  words:
    from: lines
    steps:
      - updateStateByKey: {key: [word], values: {n: sum(n)}}
sinks:
  - from: words
    postgres: {table: public.words, mode: upsert, key: [word], create: true}
  - from: lines
    postgres: {table: public.lines, mode: append, create: true}
`

const tables = `CREATE TABLE public.words (word text PRIMARY KEY, n bigint); CREATE TABLE public.lines (word text, n integer)`

// topic is a broker with some records, one of which cannot be decoded.
func topic(t *testing.T) (broker string) {
	t.Helper()
	k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "lines"))
	require.NoError(t, err)
	t.Cleanup(k.Close)
	broker = k.ListenAddrs()[0]
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic("lines"))
	require.NoError(t, err)
	defer client.Close()
	for i := range 100 {
		require.NoError(t, client.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprintf(`{"word": "w%d", "n": %d}`, i%10, i))).FirstErr())
	}
	require.NoError(t, client.ProduceSync(t.Context(), kgo.StringRecord(`{"word": "bad", "n": "many"}`)).FirstErr())
	return broker
}

// run is `processor run` as whom url names, until all that is in the topic has been committed.
func run(t *testing.T, broker, url string) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipeline.yaml")
	require.NoError(t, os.WriteFile(path, []byte(file), 0o600))
	environ := map[string]string{
		"MILLRACE_KAFKA_BROKERS": broker, "MILLRACE_POSTGRES_URL": url, "MILLRACE_TRIGGER": "available-now", "MILLRACE_HTTP_ADDR": "off",
		"MILLRACE_STATE_DIR": t.TempDir(), "MILLRACE_INTERVAL": "20ms",
	}
	getenv := func(name string) string { return environ[name] }
	c, err := config.Load(getenv)
	require.NoError(t, err)
	p, err := pipeline.Load(path, config.Getenv(getenv))
	require.NoError(t, err)
	var out bytes.Buffer
	return app.Run(t.Context(), app.Options{Config: c, Pipeline: p, Logger: slog.New(slog.DiscardHandler), Stdout: &out, Version: "test"})
}

// owned is a server, and a database whose owner is no superuser but may make roles: what a managed Postgres gives.
func owned(t *testing.T) string {
	t.Helper()
	s := testkit.NewServer(t)
	require.NoError(t, do(t, s.URL("postgres"), fmt.Sprintf("CREATE ROLE boss LOGIN CREATEROLE CREATEDB PASSWORD '%s'", secret)))
	require.NoError(t, do(t, testkit.WithUser(t, s.URL("postgres"), "boss", secret), "CREATE DATABASE flights"))
	return testkit.WithUser(t, s.URL("flights"), "boss", secret)
}

func TestTheServiceRunsUnderItsRolesAndEachIsRefusedWhatItMustNotDo(t *testing.T) {
	root := testkit.NewServer(t).URL("postgres")
	install(t, root)
	as := func(role string) string { return testkit.WithUser(t, root, role, secret) }

	require.ErrorIs(t, migrate(t, as(runtime)), offsets.ErrNotMigrated, "the runtime role makes no tables")
	require.NoError(t, migrate(t, as(migrator)))
	require.NoError(t, migrate(t, as(runtime)), "the runtime role may start once they are there")

	broker := topic(t)
	require.ErrorContains(t, run(t, broker, as(runtime)), "let a role with CREATE on the schema make it: CREATE TABLE")
	require.NoError(t, do(t, as(migrator), tables))
	require.NoError(t, run(t, broker, as(runtime)))

	require.Equal(t, int64(4950), get[int64](t, as(reader), `SELECT sum(n)::bigint FROM public.words`))
	require.Equal(t, int64(100), get[int64](t, as(reader), `SELECT count(*) FROM public.lines`))
	require.Equal(t, int64(1), get[int64](t, as(reader), `SELECT count(*) FROM millrace.dead_letters`))
	require.Positive(t, get[int64](t, as(reader), `SELECT count(*) FROM millrace.batches`))

	refused(t, as(runtime), "runtime",
		`CREATE TABLE public.more (n int)`, `CREATE TABLE millrace.more (n int)`, `CREATE SCHEMA more`, `TRUNCATE public.words`,
		`TRUNCATE millrace.batches`, `DROP TABLE public.words`, `ALTER TABLE public.words ADD COLUMN x int`, `DELETE FROM public.words`,
		`DROP TABLE millrace.batches`, `CREATE ROLE more`, `ALTER TABLE millrace.shards ADD COLUMN x int`, `SET ROLE millrace_migrator`)
	refused(t, as(reader), "reader",
		`INSERT INTO public.words VALUES ('x', 1)`, `UPDATE public.words SET n = 0`, `DELETE FROM public.words`, `TRUNCATE public.words`,
		`UPDATE millrace.partitions SET next_offset = 0`, `DELETE FROM millrace.batches`, `INSERT INTO millrace.migrations VALUES (99, 'x')`,
		`SELECT FROM millrace.partitions FOR UPDATE`, `CREATE TABLE public.more (n int)`, `SET ROLE millrace_runtime`)
	refused(t, as(migrator), "migrator", `CREATE ROLE more`, `CREATE DATABASE more`, `SET ROLE millrace_runtime`, `SELECT pg_read_file('/etc/hostname')`)
}

// refused checks that each statement is denied to whom url names.
func refused(t *testing.T, url, who string, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		var pg *pgconn.PgError
		require.ErrorAs(t, do(t, url, sql), &pg, "%s: %s", who, sql)
		require.Equal(t, denied, pg.Code, "%s: %s: %s", who, sql, pg.Message)
	}
}

func TestAnOwnerWithoutSuperuserCanInstallTheRolesToo(t *testing.T) {
	boss := owned(t)
	install(t, boss)
	as := func(role string) string { return testkit.WithUser(t, boss, role, secret) }
	require.NoError(t, migrate(t, as(migrator)))
	require.NoError(t, do(t, as(migrator), tables))
	require.NoError(t, run(t, topic(t), as(runtime)))
	require.Equal(t, int64(4950), get[int64](t, as(reader), `SELECT sum(n)::bigint FROM public.words`))
}

func TestRunningTheScriptAgainGivesBackWhatWasTaken(t *testing.T) {
	root := testkit.NewServer(t).URL("postgres")
	install(t, root)
	as := func(role string) string { return testkit.WithUser(t, root, role, secret) }
	require.NoError(t, migrate(t, as(migrator)))
	require.NoError(t, do(t, root, `REVOKE ALL ON ALL TABLES IN SCHEMA millrace FROM millrace_runtime, millrace_reader`))
	require.ErrorContains(t, migrate(t, as(runtime)), "permission denied for table migrations")
	install(t, root)
	require.NoError(t, migrate(t, as(runtime)))
	require.Zero(t, get[int64](t, as(reader), `SELECT count(*) FROM millrace.batches`))
}

// This is why roles.sql grants CREATE on the database, although it makes the schema itself.
func TestAMigratorThatOwnsTheSchemaAloneIsRefused(t *testing.T) {
	root := testkit.NewServer(t).URL("postgres")
	install(t, root)
	require.NoError(t, do(t, root, `REVOKE CREATE ON DATABASE postgres FROM millrace_migrator`))
	require.ErrorContains(t, migrate(t, testkit.WithUser(t, root, migrator, secret)), "permission denied for database")
}
