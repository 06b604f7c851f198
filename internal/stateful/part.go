package stateful

import (
	"encoding/binary"
	"fmt"
)

// A part's content is its head (seq, id), its index, whether it is the last, then entries in key order: length shared with the key before
// (uvarint), length of the rest (uvarint), length of the value (uvarint), rest, value. Keys are without the shard.
const partHeader = 8 + 16 + 4 + 1 // seq, id, index, last

type partInfo struct {
	head  Head
	index uint32
	last  bool
}

// partWriter collects entries until the part is full.
type partWriter struct {
	content []byte
	prev    []byte // the last key
	index   uint32
	head    Head
}

func (w *partWriter) begin() {
	w.content = binary.BigEndian.AppendUint64(w.content[:0], uint64(w.head.Seq))
	w.content = append(w.content, w.head.ID[:]...)
	w.content = binary.BigEndian.AppendUint32(w.content, w.index)
	w.content = append(w.content, 0)
	w.prev = w.prev[:0]
}

func (w *partWriter) add(key, value []byte) {
	shared := commonPrefix(w.prev, key)
	w.content = binary.AppendUvarint(w.content, uint64(shared))
	w.content = binary.AppendUvarint(w.content, uint64(len(key)-shared))
	w.content = binary.AppendUvarint(w.content, uint64(len(value)))
	w.content = append(w.content, key[shared:]...)
	w.content = append(w.content, value...)
	w.prev = append(w.prev[:0], key...)
}

func (w *partWriter) finish(dst []byte, last bool) ([]byte, error) {
	if last {
		w.content[partHeader-1] = 1
	}
	w.index++
	return seal(dst, kindPart, w.content)
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// partReader walks the entries of one part. Keys and values are valid until the next call.
type partReader struct {
	partInfo
	rest []byte
	key  []byte
}

func readPart(sealed, buf []byte) (r partReader, content []byte, err error) {
	content, err = open(buf[:0], kindPart, sealed)
	if err != nil {
		return r, buf, err
	}
	if len(content) < partHeader || content[partHeader-1] > 1 {
		return r, content, fmt.Errorf("%w: part of %d bytes", ErrDamaged, len(content))
	}
	r.head.Seq = int64(binary.BigEndian.Uint64(content))
	copy(r.head.ID[:], content[8:24])
	r.index = binary.BigEndian.Uint32(content[24:])
	r.last = content[partHeader-1] == 1
	r.rest = content[partHeader:]
	return r, content, nil
}

// next returns the next entry; ok is false after the last.
func (r *partReader) next() (key, value []byte, ok bool, err error) {
	if len(r.rest) == 0 {
		return nil, nil, false, nil
	}
	var n [3]uint64 // shared, rest, value
	for i := range n {
		v, size := binary.Uvarint(r.rest)
		if size <= 0 {
			return nil, nil, false, fmt.Errorf("%w: entry cut off", ErrDamaged)
		}
		n[i], r.rest = v, r.rest[size:]
	}
	shared, unshared, value64 := n[0], n[1], n[2]
	left := uint64(len(r.rest))
	if shared > uint64(len(r.key)) || unshared > left || value64 > left-unshared || shared+unshared < prefixLen-shardLen {
		return nil, nil, false, fmt.Errorf("%w: entry of %d+%d and %d bytes", ErrDamaged, shared, unshared, value64)
	}
	r.key = append(r.key[:shared], r.rest[:unshared]...)
	value = r.rest[unshared : unshared+value64]
	r.rest = r.rest[unshared+value64:]
	return r.key, value, true, nil
}
