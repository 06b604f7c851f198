package sinks

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Writer writes the rows of one batch, of all its workers. It reads the buffers and changes nothing, so it may run again (K3); the buffers must
// stay as they are until the batch is durable.
type Writer struct {
	table   *Table
	buffers []*Buffer
	rows    int64
	bytes   int64
}

// Writer returns a writer of the buffers' rows. Append writes them in this order; where keys meet, the later row wins. Rows of one key must be
// in one buffer if their order matters.
func (t *Table) Writer(buffers []*Buffer) *Writer {
	w := &Writer{table: t, buffers: buffers}
	for _, b := range buffers {
		w.rows += int64(b.rows)
		w.bytes += b.bytes
	}
	return w
}

// Rows returns how many rows were added to the buffers; an upsert may write fewer.
func (w *Writer) Rows() int64 { return w.rows }

// Table returns the table that the rows are for.
func (w *Writer) Table() *Table { return w.table }

// Write writes the rows in tx. After an error tx has failed: roll it back; the *pgconn.PgError in the error says whether data are at fault.
func (w *Writer) Write(ctx context.Context, tx pgx.Tx) error {
	if w.rows == 0 {
		return nil
	}
	var err error
	if w.table.copies {
		_, err = tx.Conn().PgConn().CopyFrom(ctx, newCopyReader(w.chunks()), w.table.sql.copy)
	} else {
		err = w.writeArrays(ctx, tx.Conn())
	}
	if err != nil {
		return fmt.Errorf("sink %s: write %d rows to %s: %w", w.table.sink, w.rows, w.table.name, err)
	}
	return nil
}

// chunks returns all runs of tuples, in order.
func (w *Writer) chunks() [][]byte {
	var out [][]byte
	for _, b := range w.buffers {
		for i := range b.chunks {
			out = append(out, b.chunks[i].data)
		}
	}
	return out
}

// tuples calls f for every tuple, in order.
func (w *Writer) tuples(f func(tuple []byte)) {
	for _, data := range w.chunks() {
		for len(data) > 0 {
			n := fieldsEnd(data, len(w.table.columns))
			f(data[:n:n])
			data = data[n:]
		}
	}
}

// fieldsEnd returns where the first n fields of a tuple end.
func fieldsEnd(tuple []byte, n int) int {
	at := tupleHeader
	for range n {
		at = fieldEnd(tuple, at)
	}
	return at
}

// fieldEnd returns where the field at a position ends; a negative length is NULL and has no bytes.
func fieldEnd(tuple []byte, at int) int {
	return at + 4 + max(0, int(int32(binary.BigEndian.Uint32(tuple[at:]))))
}

// tupleHeader is the count of fields.
const tupleHeader = 2
