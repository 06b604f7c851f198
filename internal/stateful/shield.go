package stateful

import (
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// shieldFS stands between Pebble and the disk, because Pebble expects the process to end when the disk fails: after an error of its manifest it
// reports a fatal error and, if it lives on, goes on with broken indexes until it panics; it panics at once when the sync of a directory
// fails; it repeats a failed flush for ever, as fast as the processor allows. So errors of tables reach Pebble, which can bear them, and new
// tables of a dead store are refused slowly. Errors of all other files kill the store and are kept from Pebble: it goes on in memory, unharmed,
// until it is closed; what is on disk is disowned by then and will not be opened again (S5).
type shieldFS struct {
	vfs.FS
	health *health
}

// brakePause is how long a dead store's Pebble waits between two tries of a flush.
const brakePause = 20 * time.Millisecond

func isTable(name string) bool {
	return strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".blob")
}

// Create makes a file; see shieldFS.
func (s *shieldFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	dead := s.health.err()
	switch {
	case dead != nil && isTable(name):
		time.Sleep(brakePause)
		return nil, dead
	case dead != nil:
		return nullFile{}, nil //nolint:nilerr // a dead store writes to nothing, and says so elsewhere
	}
	f, err := s.FS.Create(name, category)
	if isTable(name) {
		return f, err
	}
	if s.swallow("create", name, err) {
		return nullFile{}, nil
	}
	return &shieldFile{File: f, shield: s, name: name}, nil
}

// OpenDir opens a directory whose syncs do not fail.
func (s *shieldFS) OpenDir(name string) (vfs.File, error) {
	f, err := s.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &shieldFile{File: f, shield: s, name: name}, nil
}

// Rename renames a file; see shieldFS.
func (s *shieldFS) Rename(from, to string) error {
	if s.health.err() == nil {
		s.swallow("rename", from, s.FS.Rename(from, to))
	}
	return nil
}

// Remove deletes a file. A dead store deletes none: what is on disk stays as it was.
func (s *shieldFS) Remove(name string) error {
	if s.health.err() != nil {
		return nil //nolint:nilerr // a dead store deletes nothing
	}
	return s.FS.Remove(name)
}

// Unwrap returns the file system below.
func (s *shieldFS) Unwrap() vfs.FS { return s.FS }

// swallow kills the store if there is an error, and tells whether there is one.
func (s *shieldFS) swallow(verb, name string, err error) bool {
	if err != nil {
		_ = s.health.die(fmt.Errorf("%s %s: %w", verb, name, err))
	}
	return err != nil
}

// shieldFile is a file, other than a table, whose writes do not fail.
type shieldFile struct {
	vfs.File
	shield *shieldFS
	name   string
}

// Write writes; see shieldFS. Nothing follows what could not be written: on disk stays a prefix, which is an earlier state in full (S1).
func (f *shieldFile) Write(p []byte) (int, error) {
	if f.shield.health.err() == nil {
		_, err := f.File.Write(p)
		f.shield.swallow("write", f.name, err)
	}
	return len(p), nil
}

// Preallocate reserves room; see shieldFS.
func (f *shieldFile) Preallocate(offset, length int64) error {
	f.shield.swallow("preallocate", f.name, f.File.Preallocate(offset, length))
	return nil
}

// Sync syncs; see shieldFS.
func (f *shieldFile) Sync() error {
	f.shield.swallow("sync", f.name, f.File.Sync())
	return nil
}

// SyncData syncs; see shieldFS.
func (f *shieldFile) SyncData() error {
	f.shield.swallow("sync", f.name, f.File.SyncData())
	return nil
}

// SyncTo syncs; see shieldFS.
func (f *shieldFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	return full && !f.shield.swallow("sync", f.name, err), nil
}

// Close closes; see shieldFS.
func (f *shieldFile) Close() error {
	f.shield.swallow("close", f.name, f.File.Close())
	return nil
}

// nullFile takes everything and keeps nothing: what a dead store's Pebble writes.
type nullFile struct{ vfs.File }

// Write drops p.
func (nullFile) Write(p []byte) (int, error) { return len(p), nil }

// Preallocate does nothing.
func (nullFile) Preallocate(_, _ int64) error { return nil }

// Sync does nothing.
func (nullFile) Sync() error { return nil }

// SyncData does nothing.
func (nullFile) SyncData() error { return nil }

// SyncTo does nothing.
func (nullFile) SyncTo(int64) (bool, error) { return false, nil }

// Close does nothing.
func (nullFile) Close() error { return nil }

// Fd tells that there is no file below.
func (nullFile) Fd() uintptr { return vfs.InvalidFd }
