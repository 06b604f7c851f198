package sinks

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// Table is an open Postgres table that a sink writes to: checked, with its statements and encoders made. It is immutable and may be used from
// many goroutines. What it knows of the table is from when it was opened: a later ALTER TABLE shows as an error of Postgres at Write.
type Table struct {
	sink    string
	name    string // quoted, with its schema
	mode    plan.SinkMode
	columns []column // in the order of the tuple: the key in its index's order, then the others
	keys    int      // how many of columns are the key
	copies  bool     // rows travel by COPY; otherwise by arrays
	sql     statements
	scratch sync.Pool // of *scratch
}

// OpenTable finds the sink's table and checks that every row can be written to it; with `create` it makes the table if there is none, and
// changes nothing if there is one. What is wrong with the table comes as one *TableError.
func OpenTable(ctx context.Context, conn Conn, s *plan.Sink) (*Table, error) {
	info, err := findOrCreate(ctx, conn, s)
	if err != nil {
		return nil, err
	}
	t, problems := newTable(s, info)
	if len(problems) > 0 {
		return nil, &TableError{Sink: s.Name, Table: info.schema + "." + info.name, Problems: problems}
	}
	return t, nil
}

func findOrCreate(ctx context.Context, conn Conn, s *plan.Sink) (*tableInfo, error) {
	name := identifier(s.Postgres)
	info, found, err := inspect(ctx, conn, name)
	if err == nil && !found && s.Postgres.Create {
		if err := create(ctx, conn, s); err != nil {
			return nil, err
		}
		info, found, err = inspect(ctx, conn, name)
	}
	if err != nil {
		return nil, fmt.Errorf("sink %s: table %s: %w", s.Name, dotted(name), err)
	}
	if !found {
		return nil, &TableError{Sink: s.Name, Table: dotted(name), Problems: []Problem{missing(s)}}
	}
	return info, nil
}

func missing(s *plan.Sink) Problem {
	p := Problem{Msg: "it does not exist", Cure: "create it, or write `create: true`"}
	if s.Postgres.Schema == "" {
		p.Msg = "it does not exist in any schema of search_path"
		p.Cure += ", or name its schema: SCHEMA." + s.Postgres.Table
	}
	return p
}

func newTable(s *plan.Sink, info *tableInfo) (*Table, []Problem) {
	c := &checker{sink: s, info: info}
	c.kind()
	key := c.key()
	columns := c.columns(key)
	c.uncovered(columns)
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	t := &Table{
		sink: s.Name, name: pgx.Identifier{info.schema, info.name}.Sanitize(), mode: s.Postgres.Mode, columns: columns, keys: len(key),
		copies: s.Postgres.Mode == plan.Append && !info.rls, // COPY does not know row-level security
	}
	if !t.copies {
		t.sendArraysAsText()
	}
	t.sql = t.statements()
	return t, nil
}

// sendArraysAsText changes the columns that are arrays: rows travel as one array a column, and unnest would flatten arrays in it.
func (t *Table) sendArraysAsText() {
	for i := range t.columns {
		if c := &t.columns[i]; c.elem != nil {
			c.literal, c.encode = true, encodeArrayLiteral
		}
	}
}

// Sink returns the name of the sink.
func (t *Table) Sink() string { return t.sink }

// Name returns the table's name as statements write it: quoted, with its schema.
func (t *Table) Name() string { return t.name }

func identifier(p *plan.Postgres) pgx.Identifier {
	if p.Schema == "" {
		return pgx.Identifier{p.Table}
	}
	return pgx.Identifier{p.Schema, p.Table}
}

func dotted(name pgx.Identifier) string {
	if len(name) == 1 {
		return name[0]
	}
	return name[0] + "." + name[1]
}

// slots returns the columns of the stream that the sink writes.
func slots(s *plan.Sink) []row.Column {
	out := make([]row.Column, len(s.Postgres.Columns))
	for i, slot := range s.Postgres.Columns {
		out[i] = s.Columns[slot]
	}
	return out
}
