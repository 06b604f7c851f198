package stateful

import (
	"bytes"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
)

// Delta is the changes of one batch to one shard's state: absolute values, the last one of a key counts. It belongs to one goroutine. Nothing
// of it is applied before its batch has committed; the same Delta is encoded for the ledger, then applied.
type Delta struct {
	store *Store
	shard int
	batch *pebble.Batch
	err   error // the first entry that was too large
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
	raw, err := open(make([]byte, reprSkip, reprSkip+4*len(encoded)), kindDelta, encoded)
	if err == nil {
		err = d.read(raw)
	}
	if err != nil {
		d.Reset()
		return fmt.Errorf("decode delta of shard %d: %w", d.shard, err)
	}
	return nil
}

// read copies the changes one by one, instead of taking the bytes as they are: what is applied is what has been checked.
func (d *Delta) read(raw []byte) error {
	h, ok := batchrepr.ReadHeader(raw)
	if !ok {
		return fmt.Errorf("%w: short header", ErrDamaged)
	}
	start, end := shardRange(d.shard)
	for r, n := batchrepr.Read(raw), uint32(0); ; n++ {
		kind, key, value, ok, err := r.Next()
		if err != nil {
			return fmt.Errorf("%w: change %d: %w", ErrDamaged, n, err)
		}
		if !ok && n == h.Count {
			return nil
		}
		if !ok || len(key) < shardLen || !bytes.Equal(key[:shardLen], start) {
			return fmt.Errorf("%w: change %d of %d", ErrDamaged, n, h.Count)
		}
		if err := d.take(kind, key, value, end); err != nil {
			return fmt.Errorf("change %d: %w", n, err)
		}
	}
}

func (d *Delta) take(kind pebble.InternalKeyKind, key, value, end []byte) error {
	switch kind {
	case pebble.InternalKeyKindSet:
		return d.batch.Set(key, value, nil)
	case pebble.InternalKeyKindDelete:
		return d.batch.Delete(key, nil)
	case pebble.InternalKeyKindRangeDelete:
		if bytes.Compare(value, end) > 0 || bytes.Compare(key, value) >= 0 {
			return fmt.Errorf("%w: range %x to %x", ErrDamaged, key, value)
		}
		return d.batch.DeleteRange(key, value, nil)
	default:
		return fmt.Errorf("%w: kind %d", ErrDamaged, kind)
	}
}
