package ingest

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/millrace/millrace/internal/batch"
)

const recordSize = int64(unsafe.Sizeof(batch.Record{}))

// varint reads a zigzag varint of at most ten bytes; n is 0 if there is none.
func varint(b []byte) (v int64, n int) {
	if len(b) > 0 && b[0] < 0x80 { // most are one byte
		u := b[0]
		return int64(u>>1) ^ -int64(u&1), 1
	}
	return binary.Varint(b)
}

// parse appends the records of an unpacked batch to the slab, leaving out those below the position at. All count records must be there
// and nothing after them: less would be a loss that nobody sees.
func (s *slab) parse(f frame, body []byte, at int64) error {
	first, base, stamp := f.firstTime(), f.base(), int64(0)
	if f.appendTime() {
		stamp = f.maxTime()
	}
	count := f.count()
	if count > len(body) { // a record has at least one byte
		return fmt.Errorf("%w: %d records in %d bytes", errBroken, count, len(body))
	}
	s.grow(count)
	for range count {
		size, n := varint(body)
		if n <= 0 || size < 0 || size > int64(len(body)-n) {
			return fmt.Errorf("%w: a record of %d bytes, %d are left", errBroken, size, len(body)-n)
		}
		in := reader{b: body[n : n+int(size)]}
		body = body[n+int(size):]
		in.skip(1) // attributes, unused
		time := first + in.varint()
		offset := base + in.varint()
		if f.appendTime() {
			time = stamp
		}
		if offset < at && !in.bad {
			continue
		}
		r := batch.Record{Key: in.bytes(), Value: in.bytes(), Offset: offset, Timestamp: time}
		if h := in.varint(); h != 0 {
			r.Headers = s.headersOf(&in, h)
		}
		if in.bad {
			return fmt.Errorf("%w: the record at offset %d", errBroken, offset)
		}
		s.bytes += recordSize + int64(len(r.Key)+len(r.Value))
		s.records = append(s.records, r)
	}
	if len(body) != 0 {
		return fmt.Errorf("%w: %d bytes after the last record", errBroken, len(body))
	}
	return nil
}

// headersOf reads n headers; a header has at least two bytes.
func (s *slab) headersOf(in *reader, n int64) []batch.Header {
	if n < 0 || n > int64(len(in.b)) {
		in.bad = true
		return nil
	}
	from := len(s.headers)
	for range n {
		key := in.bytes()
		s.headers = append(s.headers, batch.Header{Key: unsafe.String(unsafe.SliceData(key), len(key)), Value: in.bytes()})
	}
	return s.headers[from:len(s.headers):len(s.headers)]
}

// reader takes fields off a record; after a field that does not fit, bad is set and what it gives means nothing.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) skip(n int) {
	if len(r.b) < n {
		r.bad = true
		return
	}
	r.b = r.b[n:]
}

func (r *reader) varint() int64 {
	v, n := varint(r.b)
	if n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

// bytes reads a length and as many bytes; length -1 is nil.
func (r *reader) bytes() []byte {
	n := r.varint()
	if n < 0 || n > int64(len(r.b)) || r.bad {
		r.bad = r.bad || n != -1
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// isAbort tells what a control batch says of its producer's transaction: its key is a version and a type, type 0 is abort.
func isAbort(f frame) (abort bool, err error) {
	size, n := varint(f.body())
	if n <= 0 || size < 0 || size > int64(len(f.body())-n) || f.codec() != noCodec {
		return false, fmt.Errorf("%w: a control batch", errBroken)
	}
	in := reader{b: f.body()[n : n+int(size)]}
	in.skip(1)
	in.varint()
	in.varint()
	key := in.bytes()
	if in.bad || len(key) < 4 {
		return false, fmt.Errorf("%w: the key of a control batch", errBroken)
	}
	return binary.BigEndian.Uint16(key[2:]) == 0, nil
}
