package sinks

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Refused is a row that Postgres did not take. Err is a *RowError around the *pgconn.PgError.
type Refused struct {
	Buffer int // index among the writer's buffers
	Row    int // of that buffer, in the order of Add
	Err    error
}

// ErrTooManyRefused: more rows are bad than Salvage searches for. Nothing is kept: roll back. Look at the rows or the table: this is no exception.
var ErrTooManyRefused = errors.New("sinks: Postgres refuses too many rows of one batch")

// maxRefused bounds the search: each refused row costs a savepoint for every halving.
const maxRefused = 1000

// Salvage writes in tx the rows that Postgres takes, and reports the others, in the order of Add. It is the slow way, for a batch whose Write has
// failed by its data, in a fresh transaction:
//
//	try(rows):
//	  write them behind a savepoint
//	  IF Postgres refuses the data THEN go back to the savepoint;
//	    one row: it is refused; more: try(first half), try(second half)
//
// A half is written on top of those before it, so rows that only clash with each other lose the later one. Constraints that are checked at
// COMMIT are not seen. Any other error ends the search, and tx has to be rolled back.
func (w *Writer) Salvage(ctx context.Context, tx pgx.Tx) ([]Refused, error) {
	s := &salvage{writer: w, scratch: w.table.takeScratch()}
	defer w.table.giveBack(s.scratch)
	items := slices.Clone(w.items(s.scratch))
	if w.table.keys > 0 {
		sortByKey(items) // K4 holds here too
	}
	if err := s.try(ctx, tx, items); err != nil {
		return nil, fmt.Errorf("sink %s: salvage %d rows for %s: %w", w.table.sink, w.rows, w.table.name, err)
	}
	slices.SortFunc(s.refused, func(a, b Refused) int {
		if a.Buffer != b.Buffer {
			return a.Buffer - b.Buffer
		}
		return a.Row - b.Row
	})
	return s.refused, nil
}

type salvage struct {
	writer  *Writer
	scratch *scratch
	refused []Refused
}

func (s *salvage) try(ctx context.Context, tx pgx.Tx, items []item) error {
	if len(items) == 0 {
		return nil
	}
	err := pgx.BeginFunc(ctx, tx, func(inner pgx.Tx) error { return s.write(ctx, inner.Conn(), items) })
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || !refusesData(pg) {
		return err
	}
	if len(items) == 1 {
		return s.refuse(items[0].seq, pg)
	}
	half := len(items) / 2
	if err := s.try(ctx, tx, items[:half]); err != nil {
		return err
	}
	return s.try(ctx, tx, items[half:])
}

func (s *salvage) write(ctx context.Context, conn *pgx.Conn, items []item) error {
	t := s.writer.table
	if !t.copies {
		s.scratch.items = append(s.scratch.items[:0], items...)
		return t.send(ctx, conn, s.scratch, s.scratch.items)
	}
	parts := make([][]byte, len(items))
	for i := range items {
		parts[i] = items[i].tuple
	}
	_, err := conn.PgConn().CopyFrom(ctx, newCopyReader(parts), t.sql.copy)
	return err
}

func (s *salvage) refuse(seq int, pg *pgconn.PgError) error {
	if len(s.refused) == maxRefused {
		return fmt.Errorf("%w: the last one: %w", ErrTooManyRefused, pg)
	}
	r := Refused{Row: seq, Err: &RowError{Sink: s.writer.table.sink, Column: pg.ColumnName, Err: pg}}
	for r.Row >= s.writer.buffers[r.Buffer].rows {
		r.Row -= s.writer.buffers[r.Buffer].rows
		r.Buffer++
	}
	s.refused = append(s.refused, r)
	return nil
}

// refusesData tells whether the data of a row are at fault: data exceptions, integrity constraints, checks of views, limits such as that of an
// index entry, and what a trigger raises. Package offsets calls the same classes rejected.
func refusesData(err *pgconn.PgError) bool {
	switch err.Code[:min(2, len(err.Code))] {
	case "22", "23", "44", "54", "P0":
		return true
	}
	return false
}
