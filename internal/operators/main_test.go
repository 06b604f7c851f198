package operators

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// memStore is the store below an operator: one shard and one operator, in memory.
type memStore struct{ keys map[string]string }

func newMemStore() *memStore { return &memStore{keys: map[string]string{}} }

func (s *memStore) Get(_ int, _ uint32, key, dst []byte) ([]byte, bool, error) {
	v, ok := s.keys[string(key)]
	return append(dst, v...), ok, nil
}

func (s *memStore) Scan(_ int, _ uint32, lo, hi []byte, fn func(key, value []byte) error) error {
	for _, k := range slices.Sorted(maps.Keys(s.keys)) {
		if k < string(lo) || hi != nil && k >= string(hi) {
			continue
		}
		// What a scan gives is valid during the call only.
		key, value := []byte(k), []byte(s.keys[k])
		err := fn(key, value)
		clear(key)
		clear(value)
		if err != nil {
			return err
		}
	}
	return nil
}

// memDelta collects changes until they are applied.
type memDelta struct{ steps []func(*memStore) }

func (d *memDelta) Put(_ uint32, key, value []byte) {
	k, v := string(key), string(value)
	d.steps = append(d.steps, func(s *memStore) { s.keys[k] = v })
}

func (d *memDelta) DeleteRange(_ uint32, lo, hi []byte) {
	lo, hi = bytes.Clone(lo), bytes.Clone(hi)
	d.steps = append(d.steps, func(s *memStore) {
		maps.DeleteFunc(s.keys, func(k, _ string) bool { return k >= string(lo) && k < string(hi) })
	})
}

func (s *memStore) apply(d *memDelta) {
	for _, step := range d.steps {
		step(s)
	}
}
