package ingest

import (
	"slices"
	"sync"

	"github.com/millrace/millrace/internal/batch"
)

// slab is the memory of one chunk: its records and the unpacked bytes that they point into. Without reuse, making and clearing this
// memory and scanning it for garbage costs more than parsing.
type slab struct {
	records []batch.Record
	headers []batch.Header
	bufs    [][]byte // unpacked batches; only the last one has room
	bytes   int64    // what the records hold
}

const bufSize = 3 << 20

// room returns n bytes to unpack into. They are not the slab's until keep.
func (s *slab) room(n int) []byte {
	if k := len(s.bufs); k > 0 {
		if b := s.bufs[k-1]; cap(b)-len(b) >= n {
			return b[len(b):cap(b)]
		}
	}
	s.bufs = append(s.bufs, make([]byte, 0, max(n, bufSize)))
	b := s.bufs[len(s.bufs)-1]
	return b[:cap(b)]
}

// keep takes the first n bytes of the newest room and returns them.
func (s *slab) keep(n int) []byte {
	b := &s.bufs[len(s.bufs)-1]
	at := len(*b)
	*b = (*b)[:at+n]
	return (*b)[at : at+n : at+n]
}

func (s *slab) grow(n int) { s.records = slices.Grow(s.records, n) }

// slabs are slabs that are not in use. At most max are kept, and none that a giant batch has blown up.
type slabs struct {
	max int
	mu  struct {
		sync.Mutex
		free []*slab
	}
}

func (p *slabs) get() *slab {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.mu.free); n > 0 {
		s := p.mu.free[n-1]
		p.mu.free = p.mu.free[:n-1]
		return s
	}
	return &slab{}
}

// put takes a slab back. The records are cleared: they would keep the answers alive that they point into.
func (p *slabs) put(s *slab) {
	clear(s.records)
	clear(s.headers)
	s.records, s.headers, s.bytes = s.records[:0], s.headers[:0], 0
	s.bufs = slices.DeleteFunc(s.bufs, func(b []byte) bool { return cap(b) > bufSize })
	for i := range s.bufs {
		s.bufs[i] = s.bufs[i][:0]
	}
	if len(s.bufs) > 1 {
		clear(s.bufs[1:])
		s.bufs = s.bufs[:1]
	}
	if int64(cap(s.records))*recordSize > 4*bufSize {
		s.records = nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.mu.free) < p.max {
		p.mu.free = append(p.mu.free, s)
	}
}
