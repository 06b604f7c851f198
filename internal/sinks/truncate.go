package sinks

import "bytes"

// Truncate takes back all but the first n rows: those that a record added before one of its expressions failed.
func (b *Buffer) Truncate(n int) {
	for b.rows > n {
		c := &b.chunks[len(b.chunks)-1]
		before := b.rows - c.rows
		if before >= n {
			b.rows, b.bytes = before, b.bytes-int64(len(c.data))
			b.chunks = b.chunks[:len(b.chunks)-1]
			continue
		}
		at := 0
		for range n - before {
			at += fieldsEnd(c.data[at:], len(b.table.columns))
		}
		b.bytes -= int64(len(c.data) - at)
		c.data, c.rows, b.rows = c.data[:at], n-before, n
	}
}

// Truncate takes back all but the first n rows.
func (l *Lines) Truncate(n int) {
	if n >= l.rows {
		return
	}
	l.rows = n
	at := 0
	for range n {
		end := bytes.IndexByte(l.text[at:], '\n')
		if end < 0 {
			return // the rows past the limit have no text
		}
		at += end + 1
	}
	l.text = l.text[:at]
}
