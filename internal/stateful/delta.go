package stateful

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Delta is the changes of one batch to one shard's state: absolute values, the last one of a key counts. It belongs to one goroutine. Nothing
// of it is applied before its batch has committed; the same Delta is encoded for the ledger, then applied.
type Delta struct {
	store *Store
	shard int
	batch *pebble.Batch
	raw   []byte // what Decode decompressed last, for its buffer
	err   error  // the first entry that was too large
}

// retainDelta bounds the buffer that a delta keeps for the next batch.
const retainDelta = 16 << 20

// NewDelta returns an empty delta for a shard. Release gives its buffers back.
func (s *Store) NewDelta(shard int) *Delta {
	d := s.deltas.Get().(*Delta)
	if d.batch == nil {
		d.batch = s.db.NewBatch(pebble.WithMaxRetainedSizeBytes(retainDelta))
	}
	d.shard = shard
	return d
}

// Shard returns the shard that the delta changes.
func (d *Delta) Shard() int { return d.shard }

// Put sets a key's value. Both are copied.
func (d *Delta) Put(op uint32, key, value []byte) {
	if len(key) > MaxKey || len(value) > MaxValue {
		d.refuse(op, len(key), len(value))
		return
	}
	w := d.batch.SetDeferred(prefixLen+len(key), len(value))
	copy(appendPrefix(w.Key[:0], d.shard, op)[prefixLen:prefixLen+len(key)], key)
	copy(w.Value, value)
	_ = w.Finish() // only indexed batches can fail
}

// Delete removes a key; it need not be there.
func (d *Delta) Delete(op uint32, key []byte) {
	if len(key) > MaxKey {
		d.refuse(op, len(key), 0)
		return
	}
	w := d.batch.DeleteDeferred(prefixLen + len(key))
	copy(appendPrefix(w.Key[:0], d.shard, op)[prefixLen:prefixLen+len(key)], key)
	_ = w.Finish()
}

// DeleteRange removes an operator's keys from lo up to, not including, hi; nil is open.
func (d *Delta) DeleteRange(op uint32, lo, hi []byte) {
	if len(lo) > MaxKey || len(hi) > MaxKey {
		d.refuse(op, max(len(lo), len(hi)), 0)
		return
	}
	if hi != nil && bytes.Compare(lo, hi) >= 0 {
		return
	}
	_ = d.batch.DeleteRange(appendKey(nil, d.shard, op, lo), appendEnd(nil, d.shard, op, hi), nil)
}

func (d *Delta) refuse(op uint32, key, value int) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: operator %08x, key of %d bytes (at most %d), value of %d bytes (at most %d)", ErrTooLarge, op, key, MaxKey, value, MaxValue)
	}
}

// Len returns the number of changes.
func (d *Delta) Len() int { return int(d.batch.Count()) }

// Empty tells whether the delta changes nothing.
func (d *Delta) Empty() bool { return d.batch.Empty() && d.err == nil }

// Size returns the bytes that the delta holds, before compression.
func (d *Delta) Size() int { return d.batch.Len() }

// Reset empties the delta for another batch of the same shard.
func (d *Delta) Reset() {
	d.batch.Reset()
	d.err = nil
}

// Release empties the delta and gives its buffers to the next NewDelta. It must not be used afterwards.
func (d *Delta) Release() {
	d.Reset()
	d.store.deltas.Put(d)
}

// Encode appends the delta's bytes for the ledger to dst. It comes before Apply, which adds the marker to the same Pebble batch.
func (d *Delta) Encode(dst []byte) ([]byte, error) {
	if d.err != nil {
		return dst, d.err
	}
	out, err := seal(dst, kindDelta, d.batch.Repr()[reprSkip:])
	if err != nil {
		return dst, fmt.Errorf("encode delta of shard %d: %w", d.shard, err)
	}
	return out, nil
}

// Decode replaces the delta's content by encoded bytes. They are checked: only changes of this shard's keys are taken.
func (d *Delta) Decode(encoded []byte) error {
	d.Reset()
	raw, err := open(d.raw[:0], kindDelta, encoded)
	if err == nil {
		err = d.read(raw)
	}
	if cap(raw) <= retainDelta {
		d.raw = raw
	}
	if err != nil {
		d.Reset()
		return fmt.Errorf("decode delta of shard %d: %w", d.shard, err)
	}
	return nil
}

// read copies the changes one by one, instead of taking the bytes as they are: what is applied is what has been checked. It does not use
// Pebble's own reader of batches, which panics on some bytes that are cut off.
func (d *Delta) read(raw []byte) error {
	if len(raw) < 4 {
		return fmt.Errorf("%w: no count", ErrDamaged)
	}
	count, rest := binary.LittleEndian.Uint32(raw), raw[4:]
	for n := range count {
		var err error
		if rest, err = d.readChange(rest); err != nil {
			return fmt.Errorf("change %d of %d: %w", n, count, err)
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("%w: %d bytes after the last change", ErrDamaged, len(rest))
	}
	return nil
}

func (d *Delta) readChange(b []byte) (rest []byte, err error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("%w: it is missing", ErrDamaged)
	}
	kind := pebble.InternalKeyKind(b[0])
	key, rest, err := cutBytes(b[1:])
	if err != nil {
		return nil, err
	}
	start, end := shardRange(d.shard)
	if len(key) < prefixLen || !bytes.Equal(key[:shardLen], start) {
		return nil, fmt.Errorf("%w: key %x is not of this shard", ErrDamaged, key)
	}
	if kind == pebble.InternalKeyKindDelete {
		return rest, d.batch.Delete(key, nil)
	}
	value, rest, err := cutBytes(rest)
	switch {
	case err != nil:
		return nil, err
	case kind == pebble.InternalKeyKindSet:
		return rest, d.batch.Set(key, value, nil)
	case kind != pebble.InternalKeyKindRangeDelete:
		return nil, fmt.Errorf("%w: kind %d", ErrDamaged, kind)
	case bytes.Compare(value, end) > 0 || bytes.Compare(key, value) >= 0:
		return nil, fmt.Errorf("%w: range %x to %x", ErrDamaged, key, value)
	}
	return rest, d.batch.DeleteRange(key, value, nil)
}

// cutBytes takes a length (uvarint) and as many bytes from the front of b.
func cutBytes(b []byte) (cut, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, fmt.Errorf("%w: it is cut off", ErrDamaged)
	}
	b = b[size:]
	return b[:n:n], b[n:], nil
}
