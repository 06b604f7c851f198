package sinks

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// Console prints a batch's rows for people, after the batch has committed: at-least-once by nature.
type Console struct {
	from    string // the stream or source that it takes
	columns []row.Column
	limit   int // rows a batch; 0: all
	w       io.Writer
}

// OpenConsole returns the sink that prints on w.
func OpenConsole(s *plan.Sink, w io.Writer) *Console {
	c := &Console{columns: s.Columns, limit: s.Console.Limit, w: w}
	if s.Stream != nil {
		c.from = s.Stream.Name
	} else {
		c.from = s.Source.Name
	}
	return c
}

// Lines holds the rows of one batch that one worker made, as text. It is not for concurrent use.
type Lines struct {
	console *Console
	text    []byte // of the first limit rows, each with its newline
	rows    int
}

// NewLines returns an empty buffer for rows of the console.
func (c *Console) NewLines() *Lines { return &Lines{console: c} }

// Add formats one row as `column=value …`. It never refuses one. Rows past the limit are counted only.
func (l *Lines) Add(values []row.Value) error {
	l.rows++
	if l.console.limit > 0 && l.rows > l.console.limit {
		return nil
	}
	for i, c := range l.console.columns {
		if i > 0 {
			l.text = append(l.text, ' ')
		}
		l.text = append(append(l.text, c.Name...), '=')
		l.text = appendShown(l.text, values[i], c.Type)
	}
	l.text = append(l.text, '\n')
	return nil
}

// Len returns the count of rows.
func (l *Lines) Len() int { return l.rows }

// Bytes returns the size of the text that is held.
func (l *Lines) Bytes() int64 { return int64(len(l.text)) }

// Reset empties the buffer and keeps its memory.
func (l *Lines) Reset() { l.text, l.rows = l.text[:0], 0 }

// Print writes a batch's rows: `stream | batch time | column=value …`, one a line, limit in all, and how many more there were. Batch time is
// in microseconds. It changes nothing, so it may be called again.
func (c *Console) Print(batchTime int64, buffers []*Lines) error {
	var out bytes.Buffer
	head := c.from + " | " + time.UnixMicro(batchTime).UTC().Format("2006-01-02 15:04:05.999999Z07:00") + " | "
	printed, rows := 0, 0
	for _, l := range buffers {
		rows += l.rows
		for line := range bytes.Lines(l.text) {
			if c.limit > 0 && printed == c.limit {
				break
			}
			out.WriteString(head)
			out.Write(line)
			printed++
		}
	}
	if rows > printed {
		fmt.Fprintf(&out, "%s… %d more\n", head, rows-printed)
	}
	if out.Len() == 0 {
		return nil
	}
	if _, err := c.w.Write(out.Bytes()); err != nil {
		return fmt.Errorf("print rows of %s: %w", c.from, err)
	}
	return nil
}

// appendShown appends a value as Postgres shows it, in quotes where it would otherwise be taken for something else: NULL, the end of the value, a
// new line, or a command to the terminal.
func appendShown(dst []byte, v row.Value, t row.Type) []byte {
	if v.Null {
		return append(dst, "NULL"...)
	}
	start := len(dst)
	dst = expr.AppendText(dst, v, t)
	if s := string(dst[start:]); !printable(s) || t.Rep() == row.RepText && (s == "" || s == "NULL" || strings.ContainsAny(s, `" \`)) {
		dst = strconv.AppendQuote(dst[:start], s)
	}
	return dst
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
}
