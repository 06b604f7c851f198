package stateful

import (
	"errors"
	"fmt"
	"iter"

	"github.com/cockroachdb/pebble/v2"
)

// Snapshot is one shard's whole state as of its marker, kept while deltas go on being applied. It holds disk space: Close it soon.
type Snapshot struct {
	store *Store
	shard int
	head  Head
	db    *pebble.Snapshot
}

// Snapshot takes a view of a shard as it is now.
func (s *Store) Snapshot(shard int) (*Snapshot, error) {
	if err := s.ready(shard); err != nil {
		return nil, err
	}
	snap := &Snapshot{store: s, shard: shard, db: s.db.NewSnapshot()}
	if err := snap.readHead(); err != nil {
		_ = snap.db.Close()
		return nil, err
	}
	return snap, nil
}

// readHead takes the marker from the view itself: a delta may have been applied since the shard was found ready.
func (p *Snapshot) readHead() error {
	value, closer, err := p.db.Get(markerKey(p.shard))
	if errors.Is(err, pebble.ErrNotFound) {
		return fmt.Errorf("snapshot of shard %d: %w", p.shard, ErrNotRestored)
	}
	if err != nil {
		return p.store.failed(err)
	}
	defer func() { _ = closer.Close() }()
	p.head, _, err = parseMarker(value)
	return err
}

// Head returns the head whose state the snapshot is.
func (p *Snapshot) Head() Head { return p.head }

// Shard returns the snapshot's shard.
func (p *Snapshot) Shard() int { return p.shard }

// MaxPart bounds the content of a part, so that Restore's memory is bounded.
const MaxPart = 64 << 20

// Parts gives the snapshot's bytes for the ledger, in order: each part holds about maxBytes before compression (at most MaxPart) and is valid
// until the next one is asked for. There is at least one, also of an empty shard. The sequence ends with its first error.
func (p *Snapshot) Parts(maxBytes int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if err := p.parts(min(maxBytes, MaxPart), yield); err != nil && !errors.Is(err, errStopped) {
			yield(nil, fmt.Errorf("snapshot of shard %d at %d: %w", p.shard, p.head.Seq, err))
		}
	}
}

// errStopped says that the reader wants no more parts.
var errStopped = errors.New("stopped")

func (p *Snapshot) parts(maxBytes int, yield func([]byte, error) bool) error {
	start, end := shardRange(p.shard)
	it, err := p.db.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return p.store.failed(err)
	}
	if err := p.write(it, maxBytes, yield); err != nil {
		_ = it.Close()
		return err
	}
	if err := it.Close(); err != nil {
		return p.store.failed(err)
	}
	return nil
}

func (p *Snapshot) write(it *pebble.Iterator, maxBytes int, yield func([]byte, error) bool) error {
	w := partWriter{head: p.head}
	var out []byte
	emit := func(last bool) error {
		var err error
		if out, err = w.finish(out[:0], last); err != nil {
			return err
		}
		if !yield(out, nil) {
			return errStopped
		}
		w.begin()
		return nil
	}
	w.begin()
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return p.store.failed(err)
		}
		if len(w.content) > partHeader && len(w.content)+len(it.Key())+len(value) > maxBytes {
			if err := emit(false); err != nil {
				return err
			}
		}
		w.add(it.Key()[shardLen:], value)
	}
	if err := it.Error(); err != nil { // an error must not look like the end of the state
		return p.store.failed(err)
	}
	return emit(true)
}

// Close releases the view.
func (p *Snapshot) Close() error {
	if err := p.db.Close(); err != nil {
		return p.store.failed(err)
	}
	return nil
}
