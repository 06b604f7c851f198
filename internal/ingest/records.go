package ingest

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/millrace/millrace/internal/batch"
)

const recordSize = int64(unsafe.Sizeof(batch.Record{}))

// varint reads a zigzag varint at i and returns the index after it; -1 if there is none, or if i is -1 already, so that several fields can
// be read before the check.
func varint(b []byte, i int) (v int64, next int) {
	if uint(i) < uint(len(b)) && b[i] < 0x80 { // most are one byte
		return int64(b[i]>>1) ^ -int64(b[i]&1), i + 1
	}
	return longVarint(b, i)
}

func longVarint(b []byte, i int) (v int64, next int) {
	if i < 0 || i >= len(b) {
		return 0, -1
	}
	if i+1 < len(b) && b[i+1] < 0x80 { // nearly all others are two
		u := int64(b[i]&0x7f) | int64(b[i+1])<<7
		return u>>1 ^ -(u & 1), i + 2
	}
	v, n := binary.Varint(b[i:])
	if n <= 0 {
		return 0, -1
	}
	return v, i + n
}

// field reads a length and as many bytes; length -1 is nil.
func field(b []byte, i int) (v []byte, next int) {
	n, i := varint(b, i)
	if i < 0 || n < 0 || n > int64(len(b)-i) {
		if n == -1 {
			return nil, i
		}
		return nil, -1
	}
	end := i + int(n)
	return b[i:end:end], end
}

// parse appends the records of an unpacked batch to the slab, leaving out those below the position at. All count records must be there
// and nothing after them: less would be a loss that nobody sees.
func (s *slab) parse(f frame, body []byte, at int64) error {
	first, base, count := f.firstTime(), f.base(), f.count()
	if count > len(body) { // a record has at least one byte
		return fmt.Errorf("%w: %d records in %d bytes", errBroken, count, len(body))
	}
	s.grow(count)
	for range count {
		size, i := varint(body, 0)
		if i < 0 || size < 1 || size > int64(len(body)-i) {
			return fmt.Errorf("%w: a record of %d bytes, %d are left", errBroken, size, len(body))
		}
		end := i + int(size)
		in := body[:end]
		time, i := varint(in, i+1) // after the attributes, which are unused
		offset, i := varint(in, i)
		if offset += base; offset >= at || i < 0 {
			s.records = append(s.records, batch.Record{Offset: offset, Timestamp: first + time})
			r := &s.records[len(s.records)-1]
			r.Key, i = field(in, i)
			r.Value, i = field(in, i)
			if r.Headers, i = s.headersOf(in, i); i < 0 {
				return fmt.Errorf("%w: the record at offset %d", errBroken, offset)
			}
			if f.appendTime() {
				r.Timestamp = f.maxTime()
			}
			s.bytes += recordSize + int64(len(r.Key)+len(r.Value))
		}
		body = body[end:]
	}
	if len(body) != 0 {
		return fmt.Errorf("%w: %d bytes after the last record", errBroken, len(body))
	}
	return nil
}

// headersOf reads the count of headers and the headers; one has at least two bytes.
func (s *slab) headersOf(in []byte, i int) ([]batch.Header, int) {
	n, i := varint(in, i)
	if n == 0 || i < 0 {
		return nil, i
	}
	if n < 0 || n > int64(len(in)-i) {
		return nil, -1
	}
	from := len(s.headers)
	for range n {
		var key, value []byte
		key, i = field(in, i)
		value, i = field(in, i)
		s.headers = append(s.headers, batch.Header{Key: unsafe.String(unsafe.SliceData(key), len(key)), Value: value})
	}
	return s.headers[from:len(s.headers):len(s.headers)], i
}

// isAbort tells what a control batch says of its producer's transaction: its key is a version and a type, type 0 is abort.
func isAbort(f frame) (abort bool, err error) {
	b := f.body()
	_, i := varint(b, 0) // the record's length
	if i >= 0 && f.codec() == noCodec {
		_, i = varint(b, i+1)
		_, i = varint(b, i)
		if key, i := field(b, i); i >= 0 && len(key) >= 4 {
			return binary.BigEndian.Uint16(key[2:]) == 0, nil
		}
	}
	return false, fmt.Errorf("%w: a control batch", errBroken)
}
