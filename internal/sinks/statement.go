package sinks

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/millrace/millrace/internal/plan"
)

// statements are what a table is written with. Parameter n is the array of column n's values.
type statements struct {
	copy  string // append
	merge string // keyed modes: every key at most once among the parameters; append where COPY cannot
	sum   string // add: a key may stand there several times
}

func (t *Table) statements() statements {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = c.name
	}
	into := fmt.Sprintf("%s (%s)", t.name, quoted(names))
	insert := fmt.Sprintf("INSERT INTO %s AS t (%s) ", t.name, quoted(names))
	return statements{
		copy:  "COPY " + into + " FROM STDIN (FORMAT binary)",
		merge: insert + t.selectRows() + t.onConflict(),
		sum:   insert + t.selectSums() + t.onConflict(),
	}
}

// selectRows turns the arrays into rows, in their order.
func (t *Table) selectRows() string {
	parts := make([]string, len(t.columns))
	for i := range t.columns {
		c := &t.columns[i]
		parts[i] = "unnest(" + c.parameter(i) + ")"
		if c.literal {
			parts[i] += "::" + c.typ.sanitize()
		}
	}
	return "SELECT " + strings.Join(parts, ", ")
}

// selectSums adds up the rows of a key; NULLs count nothing. The keys keep the order in which they came (K4).
func (t *Table) selectSums() string {
	var arrays, names, results, keys []string
	for i := range t.columns {
		name := fmt.Sprintf("c%d", i+1)
		arrays, names = append(arrays, t.columns[i].parameter(i)), append(names, name)
		if i < t.keys {
			keys, results = append(keys, name), append(results, name)
		} else {
			results = append(results, "sum("+name+")")
		}
	}
	return fmt.Sprintf("SELECT %s FROM unnest(%s) WITH ORDINALITY AS r(%s, n) GROUP BY %s ORDER BY min(n)",
		strings.Join(results, ", "), strings.Join(arrays, ", "), strings.Join(names, ", "), strings.Join(keys, ", "))
}

func (c *column) parameter(i int) string {
	if c.literal {
		return fmt.Sprintf("$%d::pg_catalog.text[]", i+1)
	}
	return fmt.Sprintf("$%d::%s[]", i+1, c.typ.sanitize())
}

func (p pgType) sanitize() string { return pgx.Identifier{p.schema, p.name}.Sanitize() }

// onConflict says what happens to a key that the table has. In add mode a NULL increment adds nothing, and a NULL in the table counts as nothing.
func (t *Table) onConflict() string {
	if t.mode == plan.Append {
		return ""
	}
	keys := make([]string, t.keys)
	for i := range keys {
		keys[i] = t.columns[i].name
	}
	var sets []string
	for _, c := range t.columns[t.keys:] {
		name := pgx.Identifier{c.name}.Sanitize()
		value := "excluded." + name
		if t.mode == plan.Add {
			value = fmt.Sprintf("coalesce(t.%[1]s + excluded.%[1]s, t.%[1]s, excluded.%[1]s)", name)
		}
		sets = append(sets, name+" = "+value)
	}
	if len(sets) == 0 {
		return " ON CONFLICT (" + quoted(keys) + ") DO NOTHING"
	}
	return " ON CONFLICT (" + quoted(keys) + ") DO UPDATE SET " + strings.Join(sets, ", ")
}
