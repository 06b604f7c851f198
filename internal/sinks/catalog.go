package sinks

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Conn is what opening a table needs: a *pgx.Conn, a pool or a transaction.
type Conn interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// tableInfo is what the catalog says of a table.
type tableInfo struct {
	oid          uint32
	schema, name string
	kind         string // pg_class.relkind
	rls          bool   // row-level security holds for this role
	usage        bool   // of the schema
	role         string
	version      int // server_version_num
	columns      map[string]*tableColumn
	order        []string // of columns
	uniques      []unique
}

// tableColumn is a column of it.
type tableColumn struct {
	name          string
	typeName      string // as format_type writes it
	typ, elem     pgType // elem.oid is 0 for what is not an array
	typmod        int32
	notNull       bool
	defaulted     bool // has a default, or is an identity
	identity      bool // GENERATED ALWAYS AS IDENTITY
	generated     bool
	deterministic bool
	insert        bool // the role's privileges
	update        bool
	sel           bool
}

// unique is a unique index of it.
type unique struct {
	name             string
	columns          []string // "" stands for an expression
	valid, immediate bool
	partial          bool
	nullsEqual       bool // NULLS NOT DISTINCT
	deterministic    bool
}

const tableSQL = `
SELECT c.oid, n.nspname, c.relname, c.relkind::text, row_security_active(c.oid), has_schema_privilege(n.oid, 'USAGE'), current_user::text,
  current_setting('server_version_num')::int
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = pg_catalog.to_regclass($1)`

// A domain is followed to the type under it, and its modifier with it.
const columnsSQL = `
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), b.oid, tn.nspname, b.typname, b.typtype::text,
  coalesce(e.oid, 0)::oid, coalesce(en.nspname, ''), coalesce(e.typname, ''), coalesce(e.typtype::text, ''), b.typmod,
  a.attnotnull OR b.not_null, a.atthasdef OR a.attidentity <> '' OR b.defaulted, a.attidentity = 'a', a.attgenerated <> '',
  coalesce(l.collisdeterministic, true),
  has_column_privilege(a.attrelid, a.attnum, 'INSERT'), has_column_privilege(a.attrelid, a.attnum, 'UPDATE'),
  has_column_privilege(a.attrelid, a.attnum, 'SELECT')
FROM pg_catalog.pg_attribute a
CROSS JOIN LATERAL (
  WITH RECURSIVE base AS (
    SELECT t.oid, t.typbasetype, t.typtype, t.typname, t.typnamespace, t.typcategory, t.typelem, a.atttypmod AS typmod, t.typtypmod,
      t.typnotnull AS not_null, t.typdefault IS NOT NULL AS defaulted
    FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
    UNION ALL
    SELECT t.oid, t.typbasetype, t.typtype, t.typname, t.typnamespace, t.typcategory, t.typelem, base.typtypmod, t.typtypmod,
      base.not_null OR t.typnotnull, base.defaulted OR t.typdefault IS NOT NULL
    FROM base JOIN pg_catalog.pg_type t ON t.oid = base.typbasetype WHERE base.typtype = 'd')
  SELECT * FROM base WHERE typtype <> 'd') b
JOIN pg_catalog.pg_namespace tn ON tn.oid = b.typnamespace
LEFT JOIN pg_catalog.pg_type e ON b.typcategory = 'A' AND e.oid = b.typelem
LEFT JOIN pg_catalog.pg_namespace en ON en.oid = e.typnamespace
LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum`

const uniquesSQL = `
SELECT x.relname, i.indisvalid, i.indimmediate, i.indpred IS NOT NULL, coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false),
  array_agg(coalesce(a.attname::text, '') ORDER BY k.n), bool_and(coalesce(l.collisdeterministic, true))
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indcollation::oid[]) WITH ORDINALITY AS k(attnum, coll, n)
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0
LEFT JOIN pg_catalog.pg_collation l ON l.oid = k.coll
WHERE i.indrelid = $1 AND i.indisunique AND k.n <= i.indnkeyatts
GROUP BY i.indexrelid, x.relname, i.indisvalid, i.indimmediate, i.indpred, to_jsonb(i), i.indisprimary
ORDER BY i.indisprimary DESC, x.relname`

// inspect reads what the catalog says of the table; found is false if there is none of that name.
func inspect(ctx context.Context, conn Conn, name pgx.Identifier) (t *tableInfo, found bool, err error) {
	t = &tableInfo{columns: map[string]*tableColumn{}}
	err = conn.QueryRow(ctx, tableSQL, name.Sanitize()).
		Scan(&t.oid, &t.schema, &t.name, &t.kind, &t.rls, &t.usage, &t.role, &t.version)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("look up table: %w", err)
	}
	if err := t.readColumns(ctx, conn); err != nil {
		return nil, false, fmt.Errorf("read columns: %w", err)
	}
	if err := t.readUniques(ctx, conn); err != nil {
		return nil, false, fmt.Errorf("read unique indexes: %w", err)
	}
	return t, true, nil
}

func (t *tableInfo) readColumns(ctx context.Context, conn Conn) error {
	rows, err := conn.Query(ctx, columnsSQL, t.oid)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var c tableColumn
		var kind, elemKind string
		err := rows.Scan(&c.name, &c.typeName, &c.typ.oid, &c.typ.schema, &c.typ.name, &kind,
			&c.elem.oid, &c.elem.schema, &c.elem.name, &elemKind, &c.typmod,
			&c.notNull, &c.defaulted, &c.identity, &c.generated, &c.deterministic, &c.insert, &c.update, &c.sel)
		if err != nil {
			return err
		}
		c.typ.kind, c.elem.kind = first(kind), first(elemKind)
		t.columns[c.name] = &c
		t.order = append(t.order, c.name)
	}
	return rows.Err()
}

func first(s string) byte {
	if s == "" {
		return 0
	}
	return s[0]
}

func (t *tableInfo) readUniques(ctx context.Context, conn Conn) error {
	rows, err := conn.Query(ctx, uniquesSQL, t.oid)
	if err != nil {
		return err
	}
	t.uniques, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (u unique, err error) {
		err = r.Scan(&u.name, &u.valid, &u.immediate, &u.partial, &u.nullsEqual, &u.columns, &u.deterministic)
		return u, err
	})
	return err
}
