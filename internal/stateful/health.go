package stateful

import (
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// health is whether the store lives. The first error of the disk ends it for good (S5).
type health struct {
	dead chan struct{}
	mu   struct {
		sync.Mutex
		err error
	}
	onDeath func(error)
}

func newHealth(onDeath func(error)) *health {
	return &health{dead: make(chan struct{}), onDeath: onDeath}
}

// die marks the store dead; only the first cause counts. It is called with Pebble's locks held, so it calls nothing of Pebble.
func (h *health) die(cause error) error {
	h.mu.Lock()
	first := h.mu.err == nil
	if first {
		h.mu.err = &deadError{cause: cause}
		close(h.dead)
	}
	err := h.mu.err
	h.mu.Unlock()
	if first && h.onDeath != nil {
		h.onDeath(cause)
	}
	return err
}

func (h *health) err() error {
	select {
	case <-h.dead:
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.mu.err
	default:
		return nil
	}
}

// brakePause is how long a dead store's Pebble waits between two tries of a flush: it tries for ever, without a pause of its own.
const brakePause = 20 * time.Millisecond

// brakeFS refuses new files once the store is dead. Pebble would otherwise go on with a manifest whose last write failed, and would repeat a
// failed flush as fast as the processor allows.
type brakeFS struct {
	vfs.FS
	health *health
}

func (b *brakeFS) check() error {
	err := b.health.err()
	if err != nil {
		time.Sleep(brakePause)
	}
	return err
}

// Create makes a file unless the store is dead.
func (b *brakeFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	return b.FS.Create(name, category)
}

// ReuseForWrite renames a file for reuse unless the store is dead.
func (b *brakeFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	return b.FS.ReuseForWrite(from, to, category)
}

// OpenDir opens a directory so that a sync of it that fails kills the store instead of the process: Pebble panics on that error.
func (b *brakeFS) OpenDir(name string) (vfs.File, error) {
	f, err := b.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &brakeDir{File: f, health: b.health}, nil
}

type brakeDir struct {
	vfs.File
	health *health
}

// Sync reports a failure to the store's health only.
func (d *brakeDir) Sync() error {
	if err := d.File.Sync(); err != nil {
		_ = d.health.die(fmt.Errorf("sync directory: %w", err))
	}
	return nil
}

// Unwrap returns the file system below.
func (b *brakeFS) Unwrap() vfs.FS { return b.FS }

// signal wakes everyone who waits when something has happened in the background.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

func newSignal() *signal { return &signal{ch: make(chan struct{})} }

func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ch
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.ch)
	s.ch = make(chan struct{})
}
