package sinks

import (
	"errors"
	"fmt"
	"strings"
)

// RowError is a row that a sink cannot take: its data is wrong, not the deployment. Nothing of the row is in the buffer; treat it by the sink's
// on_error. Column is "" if the row as a whole is meant.
type RowError struct {
	Sink   string
	Column string
	Err    error
}

func (e *RowError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("sink %s: %v", e.Sink, e.Err)
	}
	return fmt.Sprintf("sink %s, column %s: %v", e.Sink, e.Column, e.Err)
}

func (e *RowError) Unwrap() error { return e.Err }

// Why a row is refused. Each is a fact about one value, wrapped by a *RowError.
var (
	// ErrNull: the value is NULL and the column is NOT NULL or part of the key. Give it a value: coalesce(x, …), or filter the row.
	ErrNull = errors.New("sinks: NULL where the table takes none")
	// ErrText: the text is one that Postgres cannot hold: a NUL character or invalid UTF-8.
	ErrText = errors.New("sinks: text that Postgres cannot hold")
	// ErrRange: the value lies outside what the column's type can hold.
	ErrRange = errors.New("sinks: out of range")
	// ErrTooLong: the text is longer than the column's varchar(n) or char(n).
	ErrTooLong = errors.New("sinks: text too long")
	// ErrSyntax: the text is not one of the column's type.
	ErrSyntax = errors.New("sinks: invalid input syntax")
	// ErrInexactKey: the column would round the value, and a key must be stored exactly as it is given (K5). Round it in the pipeline.
	ErrInexactKey = errors.New("sinks: a key that the column would round")
	// ErrTooLarge: the row does not fit a message to Postgres.
	ErrTooLarge = errors.New("sinks: row too large")
)

// TableError is a table that a sink cannot write to. An operator has to act; starting again changes nothing.
type TableError struct {
	Sink     string
	Table    string // schema-qualified if it was found
	Problems []Problem
}

// Problem is one thing that is wrong with a table, and its cure.
type Problem struct {
	Column string // "" if it is about the table
	Msg    string
	Cure   string
}

func (p Problem) String() string {
	s := p.Msg
	if p.Column != "" {
		s = "column " + p.Column + ": " + s
	}
	if p.Cure != "" {
		s += "; " + p.Cure
	}
	return s
}

func (e *TableError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "sink %s: table %s", e.Sink, e.Table)
	if len(e.Problems) == 1 {
		return b.String() + ": " + e.Problems[0].String()
	}
	fmt.Fprintf(&b, ": %d problems", len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  - " + p.String())
	}
	return b.String()
}
