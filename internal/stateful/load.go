package stateful

import (
	"bytes"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// loadBatch is how many bytes of a snapshot go into one Pebble batch.
const loadBatch = 1 << 20

// loader writes the parts of a snapshot into a dropped shard. It takes them only in order and complete.
type loader struct {
	store *Store
	shard int
	head  Head
	next  uint32
	last  bool
	batch *pebble.Batch
	buf   []byte // a part's content
	prev  []byte // the last key of all
	keys  int64
	bytes int64
}

func (s *Store) newLoader(shard int, head Head) *loader {
	return &loader{store: s, shard: shard, head: head, batch: s.db.NewBatch(pebble.WithMaxRetainedSizeBytes(2 * loadBatch))}
}

func (l *loader) add(sealed []byte) error {
	r, content, err := readPart(sealed, l.buf)
	l.buf = content
	if err != nil {
		return fmt.Errorf("part %d: %w", l.next, err)
	}
	if r.head != l.head || r.index != l.next || l.last {
		return fmt.Errorf("%w: part %d of snapshot %s where part %d of %s is due", ErrDamaged, r.index, r.head, l.next, l.head)
	}
	l.next, l.last = l.next+1, r.last
	l.bytes += int64(len(sealed))
	return l.entries(&r)
}

func (l *loader) entries(r *partReader) error {
	for {
		key, value, ok, err := r.next()
		if err != nil || !ok {
			return err
		}
		if l.keys > 0 && bytes.Compare(l.prev, key) >= 0 {
			return fmt.Errorf("%w: keys out of order", ErrDamaged)
		}
		l.prev = append(l.prev[:0], key...)
		w := l.batch.SetDeferred(shardLen+len(key), len(value))
		copy(appendShard(w.Key[:0], l.shard)[shardLen:shardLen+len(key)], key)
		copy(w.Value, value)
		_ = w.Finish()
		l.keys++
		if l.batch.Len() >= loadBatch {
			if err := l.flush(); err != nil {
				return err
			}
		}
	}
}

func (l *loader) flush() error {
	if l.batch.Empty() {
		return nil
	}
	if err := l.store.write(l.batch); err != nil {
		return err
	}
	l.batch.Reset()
	return nil
}

// finish writes the rest. A snapshot without its last part is not one.
func (l *loader) finish() error {
	if !l.last {
		return fmt.Errorf("%w: the snapshot ends after part %d, before its last", ErrDamaged, l.next)
	}
	return l.flush()
}

func (l *loader) close() { _ = l.batch.Close() }
