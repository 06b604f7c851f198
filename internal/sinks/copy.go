package sinks

import "io"

// The frame of binary COPY: signature, flags and the length of a header extension before the tuples; a count of -1 behind them.
const (
	copyHeader  = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"
	copyTrailer = "\xff\xff"
)

// copyReader reads as one binary COPY stream what its parts hold: whole tuples, each part some of them.
type copyReader struct {
	parts [][]byte
}

func newCopyReader(tuples [][]byte) *copyReader {
	parts := make([][]byte, 0, len(tuples)+2)
	parts = append(parts, []byte(copyHeader))
	parts = append(parts, tuples...)
	return &copyReader{parts: append(parts, []byte(copyTrailer))}
}

// Read fills p over the ends of chunks: every call becomes one message to Postgres.
func (r *copyReader) Read(p []byte) (n int, err error) {
	for n < len(p) && len(r.parts) > 0 {
		k := copy(p[n:], r.parts[0])
		n += k
		r.parts[0] = r.parts[0][k:]
		if len(r.parts[0]) == 0 {
			r.parts = r.parts[1:]
		}
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}
