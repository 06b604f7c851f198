package stateful

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// scratch holds the full key of a lookup; a pool, because what is passed to Pebble escapes.
var scratch = sync.Pool{New: func() any { return &keyBuf{b: make([]byte, 0, 256)} }}

type keyBuf struct{ b []byte }

// ready tells whether a shard's state may be read (S2, S5).
func (s *Store) ready(shard int) error {
	if err := s.Err(); err != nil {
		return err
	}
	if s.shards[shard].head.Load() == nil {
		return fmt.Errorf("read shard %d: %w", shard, ErrNotRestored)
	}
	return nil
}

// Get appends a key's value to dst; ok is false, and dst unchanged, if the key is not there.
func (s *Store) Get(shard int, op uint32, key, dst []byte) (value []byte, ok bool, err error) {
	if err := s.ready(shard); err != nil {
		return dst, false, err
	}
	buf := scratch.Get().(*keyBuf)
	defer scratch.Put(buf)
	buf.b = appendKey(buf.b[:0], shard, op, key)
	v, closer, err := s.db.Get(buf.b)
	if err != nil {
		if errors.Is(err, pebble.ErrNotFound) {
			return dst, false, nil
		}
		return dst, false, s.failed(err)
	}
	dst = append(dst, v...)
	if err := closer.Close(); err != nil {
		return dst, false, s.failed(err)
	}
	return dst, true, nil
}

// GetMany looks up keys that are in ascending order and calls fn for each of them, in that order. The value is valid during the call; it is
// nil if the key is not there and not nil if it is. It costs less than Get for each: see BenchmarkGet.
func (s *Store) GetMany(shard int, op uint32, keys [][]byte, fn func(i int, value []byte) error) error {
	if err := s.ready(shard); err != nil {
		return err
	}
	start, end := shardRange(shard)
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return s.failed(err)
	}
	buf := scratch.Get().(*keyBuf)
	defer scratch.Put(buf)
	for i, key := range keys {
		buf.b = appendKey(buf.b[:0], shard, op, key)
		value, err := seek(it, buf.b)
		if err == nil {
			err = fn(i, value)
		} else {
			err = s.failed(err)
		}
		if err != nil {
			_ = it.Close()
			return err
		}
	}
	if err := it.Close(); err != nil {
		return s.failed(err)
	}
	return nil
}

// seek asks the Bloom filters: with Pebble's own comparer the whole key is the prefix.
func seek(it *pebble.Iterator, key []byte) ([]byte, error) {
	if !it.SeekPrefixGE(key) {
		return nil, it.Error()
	}
	v, err := it.ValueAndErr()
	if err == nil && v == nil {
		v = []byte{}
	}
	return v, err
}

// Scan calls fn for an operator's keys from lo up to, not including, hi, in ascending order; nil is open. Key and value are valid during the
// call. It sees the state as it was when it began. fn may stop the scan by an error, which Scan returns.
func (s *Store) Scan(shard int, op uint32, lo, hi []byte, fn func(key, value []byte) error) error {
	if err := s.ready(shard); err != nil {
		return err
	}
	if hi != nil && bytes.Compare(lo, hi) >= 0 {
		return nil
	}
	o := &pebble.IterOptions{LowerBound: appendKey(nil, shard, op, lo), UpperBound: appendEnd(nil, shard, op, hi)}
	it, err := s.db.NewIter(o)
	if err != nil {
		return s.failed(err)
	}
	for it.First(); it.Valid(); it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			_ = it.Close()
			return s.failed(err)
		}
		if err := fn(it.Key()[prefixLen:], value); err != nil {
			_ = it.Close()
			return err
		}
	}
	if err := it.Close(); err != nil {
		return s.failed(err)
	}
	return nil
}
