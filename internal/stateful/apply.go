package stateful

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/millrace/millrace/internal/crash"
)

// Change is a committed delta and the head that it makes: the commit's id, and the shard's seq plus one.
type Change struct {
	Delta *Delta
	Head  Head
}

// Apply makes a committed delta part of its shard's state; see ApplyAll.
func (s *Store) Apply(d *Delta, head Head) error { return s.ApplyAll([]Change{{d, head}}) }

// ApplyAll makes the deltas of a committed batch part of their shards' states, each together with its marker (S1). Each head's seq must follow
// its marker's (S3); before the first that does not, all are applied. It does not wait for the disk (S6). The deltas are used up: Reset or
// Release them.
func (s *Store) ApplyAll(changes []Change) error {
	crash.Point(crash.BeforeApply)
	for i, c := range changes {
		if i > 0 {
			crash.Point(crash.MidApply)
		}
		if err := s.applyNext(c.Delta, c.Head); err != nil {
			return fmt.Errorf("apply delta %d of shard %d: %w", c.Head.Seq, c.Delta.shard, err)
		}
	}
	crash.Point(crash.AfterApply)
	return nil
}

func (s *Store) applyNext(d *Delta, head Head) error {
	sh := &s.shards[d.shard]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	at := sh.head.Load()
	switch {
	case at == nil:
		return ErrNotRestored
	case head.Seq != at.Seq+1:
		return fmt.Errorf("%w: the shard is at %d", ErrOutOfOrder, at.Seq)
	}
	return s.apply(d, head)
}

// apply writes a delta and its marker; the shard's lock is held and the order has been checked.
func (s *Store) apply(d *Delta, head Head) error {
	if d.err != nil {
		return d.err
	}
	if err := d.batch.Set(markerKey(d.shard), appendMarker(nil, head, s.id), nil); err != nil {
		return s.failed(err)
	}
	if err := s.write(d.batch); err != nil {
		return err
	}
	s.shards[d.shard].head.Store(&head)
	return nil
}

// write commits a Pebble batch and waits if the disk is far behind.
func (s *Store) write(b *pebble.Batch) error {
	if err := s.Err(); err != nil {
		return err
	}
	size := b.Len()
	if err := b.Commit(pebble.NoSync); err != nil {
		return s.failed(err)
	}
	if err := s.Err(); err != nil { // Pebble reports a fatal error to its logger and returns nil
		return err
	}
	return s.throttle(size)
}

const (
	throttleEvery  = 1 << 20 // bytes between two looks at Pebble's metrics
	maxMemTables   = 4       // times MemTableBytes that may wait for their flush
	maxL0Sublevels = 24
)

// throttle waits while flushes or compactions are far behind. Pebble has such brakes, but it holds its commit lock while it waits and does
// not stop waiting when flushes fail, so that neither Apply nor Close would ever return from a full disk.
func (s *Store) throttle(size int) error {
	if s.applied.Add(int64(size)) < throttleEvery {
		return nil
	}
	s.applied.Store(0)
	for {
		next := s.progress.next()
		m := s.db.Metrics()
		if m.MemTable.Size <= maxMemTables*uint64(s.opts.MemTableBytes) && m.Levels[0].Sublevels <= maxL0Sublevels {
			return nil
		}
		select {
		case <-next:
		case <-s.Dead():
			return s.Err()
		}
	}
}

// drop deletes a shard's keys and its marker (S2).
func (s *Store) drop(shard int) error {
	s.shards[shard].head.Store(nil)
	start, end := shardRange(shard)
	empty, err := s.emptyRange(start, end)
	if err != nil {
		return err
	}
	b := s.db.NewBatch()
	defer func() { _ = b.Close() }()
	if err := b.Delete(markerKey(shard), nil); err != nil {
		return s.failed(err)
	}
	if !empty { // a tombstone over nothing would slow down reads all the same
		if err := b.DeleteRange(start, end, nil); err != nil {
			return s.failed(err)
		}
	}
	return s.write(b)
}

func (s *Store) emptyRange(start, end []byte) (bool, error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return false, s.failed(err)
	}
	empty := !it.First()
	if err := it.Close(); err != nil {
		return false, s.failed(err)
	}
	return empty, nil
}

// mark writes a shard's marker alone: its keys are complete for that head.
func (s *Store) mark(shard int, head Head) error {
	b := s.db.NewBatch()
	defer func() { _ = b.Close() }()
	if err := b.Set(markerKey(shard), appendMarker(nil, head, s.id), nil); err != nil {
		return s.failed(err)
	}
	if err := s.write(b); err != nil {
		return err
	}
	s.shards[shard].head.Store(&head)
	return nil
}
