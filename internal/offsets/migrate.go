package offsets

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

//go:embed migrations/*.sql
var migrations embed.FS

// comments.sql explains every table and column to whoever opens the database; it is not a version and runs after each migration.
const commentsFile = "migrations/comments.sql"

const (
	versionTable = `CREATE SCHEMA IF NOT EXISTS @;
CREATE TABLE IF NOT EXISTS @.migrations (
	version    integer PRIMARY KEY,
	name       text NOT NULL,
	applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);`
	readVersion   = `SELECT coalesce(max(version), 0) FROM @.migrations`
	writeVersion  = `INSERT INTO @.migrations (version, name) VALUES ($1, $2)`
	lockMigration = `SELECT pg_advisory_xact_lock(hashtextextended('millrace migrate ' || $1, 0))`
)

// migration is one file NNNN_name.sql; its version is its place in the list.
type migration struct{ name, sql string }

// versions returns the migrations in order. Their numbers are checked by a test.
func versions() ([]migration, error) {
	names, err := fs.Glob(migrations, "migrations/[0-9]*.sql")
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	list := make([]migration, len(names))
	for i, n := range names {
		sql, err := migrations.ReadFile(n)
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		list[i] = migration{name: strings.TrimSuffix(strings.TrimPrefix(n, "migrations/"), ".sql"), sql: string(sql)}
	}
	return list, nil
}

// Migrate brings the ledger's tables to this program's version. If they are there already it changes nothing, so that a role without the
// right to create can start, and checks that the role may read and write them. Concurrent calls wait for each other.
func (l *Ledger) Migrate(ctx context.Context) error {
	list, err := versions()
	if err != nil {
		return err
	}
	at, err := l.version(ctx)
	if err != nil {
		return fmt.Errorf("migrate schema %s: %w", l.schema, err)
	}
	if at < len(list) {
		err := l.transact(ctx, func(tx pgx.Tx) error { return l.migrateIn(ctx, tx, list) })
		if Classify(err) == Misconfigured {
			return fmt.Errorf("migrate schema %s: %w: %w", l.schema, ErrNotMigrated, err)
		}
		if err != nil { // it may pass: another migration that takes long, a server that restarts
			return fmt.Errorf("migrate schema %s: %w", l.schema, err)
		}
	}
	if at > len(list) {
		return fmt.Errorf("migrate schema %s: %w: it is at version %d, this program knows %d", l.schema, ErrSchemaNewer, at, len(list))
	}
	return l.checkPrivileges(ctx)
}

// version reads the schema's version without touching anything; 0 if there is none.
func (l *Ledger) version(ctx context.Context) (int, error) {
	var at int
	err := l.pool.QueryRow(ctx, l.sql(readVersion)).Scan(&at)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "42P01" || pg.Code == "3F000") { // no such table, no such schema
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the version: %w", err)
	}
	return at, nil
}

func (l *Ledger) migrateIn(ctx context.Context, tx pgx.Tx, list []migration) error {
	if _, err := tx.Exec(ctx, lockMigration, l.schema); err != nil {
		return fmt.Errorf("wait for other migrations: %w", err)
	}
	if err := l.script(ctx, tx, versionTable); err != nil {
		return fmt.Errorf("make the version table: %w", err)
	}
	var at int
	if err := tx.QueryRow(ctx, l.sql(readVersion)).Scan(&at); err != nil {
		return fmt.Errorf("read the version: %w", err)
	}
	for v := at + 1; v <= len(list); v++ {
		m := list[v-1]
		if err := l.script(ctx, tx, m.sql); err != nil {
			return fmt.Errorf("apply %s: %w", m.name, err)
		}
		if _, err := tx.Exec(ctx, l.sql(writeVersion), v, m.name); err != nil {
			return fmt.Errorf("record %s: %w", m.name, err)
		}
	}
	return l.comment(ctx, tx)
}

func (l *Ledger) comment(ctx context.Context, tx pgx.Tx) error {
	sql, err := migrations.ReadFile(commentsFile)
	if err == nil {
		err = l.script(ctx, tx, string(sql))
	}
	if err != nil {
		return fmt.Errorf("comment on the tables: %w", err)
	}
	return nil
}

// script runs several statements that have no parameters.
func (l *Ledger) script(ctx context.Context, tx pgx.Tx, sql string) error {
	_, err := tx.Conn().PgConn().Exec(ctx, l.sql(sql)).ReadAll()
	return err
}
