package row

import "unsafe"

// Arena is a bump allocator for the strings that one record's evaluation makes. Reset reuses the memory, so nothing handed out
// may be kept across it (R2). The zero value is ready; an Arena belongs to one goroutine.
type Arena struct{ buf []byte }

const arenaBlock = 4 << 10

// Reset forgets all that was handed out.
func (a *Arena) Reset() { a.buf = a.buf[:0] }

// Alloc returns n bytes to fill; they are not zeroed.
func (a *Arena) Alloc(n int) []byte {
	if cap(a.buf)-len(a.buf) < n {
		a.buf = make([]byte, 0, max(arenaBlock, 2*cap(a.buf), n))
	}
	at := len(a.buf)
	a.buf = a.buf[:at+n]
	return a.buf[at : at+n : at+n]
}

// String views b as a string without copying it. The caller must not change b while the string is in use.
func String(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Bytes views s as bytes without copying it. They must not be changed.
func Bytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
