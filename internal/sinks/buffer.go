package sinks

import (
	"encoding/binary"

	"github.com/millrace/millrace/internal/row"
)

// Buffer holds the rows of one batch that one worker made, encoded. It is not for concurrent use. Reset keeps its memory for the next batch.
type Buffer struct {
	table  *Table
	chunks []chunk // those in use; behind them, up to cap, those that Reset has freed
	rows   int
	bytes  int64
}

// chunk is a run of whole tuples, each a count of fields and then the fields with their lengths: what binary COPY takes.
type chunk struct {
	data []byte
	rows int
}

// A chunk is made with chunkBytes and closed when it has less than chunkSlack left: a row that is larger than that moves the chunk once.
const (
	chunkBytes = 256 << 10
	chunkSlack = 16 << 10
)

// maxRow bounds a row (K2): it must fit a message with its neighbours' headers.
const maxRow = maxField

// NewBuffer returns an empty buffer for rows of the table.
func (t *Table) NewBuffer() *Buffer { return &Buffer{table: t} }

// Add encodes one row, given by slot. If it returns an error, always a *RowError, nothing of the row is in the buffer (K2).
func (b *Buffer) Add(values []row.Value) error {
	c := b.open()
	start := len(c.data)
	dst := binary.BigEndian.AppendUint16(c.data, uint16(len(b.table.columns)))
	for i := range b.table.columns {
		col := &b.table.columns[i]
		var err error
		dst, err = col.appendField(dst, &values[col.slot])
		if err != nil {
			c.data = dst[:start]
			return &RowError{Sink: b.table.sink, Column: col.name, Err: err}
		}
	}
	if len(dst)-start > maxRow {
		c.data = dst[:start]
		return &RowError{Sink: b.table.sink, Err: ErrTooLarge}
	}
	c.data = dst
	c.rows++
	b.rows++
	b.bytes += int64(len(dst) - start)
	return nil
}

// open returns the chunk that the next row goes to.
func (b *Buffer) open() *chunk {
	if n := len(b.chunks); n > 0 && len(b.chunks[n-1].data) < cap(b.chunks[n-1].data)-chunkSlack {
		return &b.chunks[n-1]
	}
	if len(b.chunks) < cap(b.chunks) {
		b.chunks = b.chunks[:len(b.chunks)+1]
	} else {
		b.chunks = append(b.chunks, chunk{})
	}
	c := &b.chunks[len(b.chunks)-1]
	if c.data == nil {
		c.data = make([]byte, 0, chunkBytes)
	}
	c.data, c.rows = c.data[:0], 0
	return c
}

// Len returns the count of rows.
func (b *Buffer) Len() int { return b.rows }

// Bytes returns the size of the rows as they are held.
func (b *Buffer) Bytes() int64 { return b.bytes }

// Reset empties the buffer. Chunks that the last batch used stay for the next one; more than that, left by a larger batch before, is given up.
func (b *Buffer) Reset() {
	clear(b.chunks[len(b.chunks):cap(b.chunks)])
	for i := range b.chunks {
		if cap(b.chunks[i].data) > 4*chunkBytes {
			b.chunks[i].data = nil
		}
	}
	b.chunks = b.chunks[:0]
	b.rows, b.bytes = 0, 0
}
