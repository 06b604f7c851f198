package stateful

import (
	"cmp"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
)

// Open opens the state directory, or makes it. State that cannot be used is deleted and that is logged: the ledger has it all.
//
//	lock the directory                             ELSE ErrLocked
//	IF the owner's file is missing or of another format THEN wipe     (a store that died, or an unfinished wipe)
//	open Pebble; IF that fails THEN wipe, open again                  (damaged)
//	read the markers; IF one is of another identity THEN wipe, open again
//	write the owner's file                                            (removed when the store dies: S5)
func Open(opts Options) (*Store, error) {
	if err := opts.check(); err != nil {
		return nil, err
	}
	opts.fill()
	dir, err := lockDirectory(opts.FS, opts.Dir)
	if err != nil {
		return nil, err
	}
	s, err := openLocked(opts, dir)
	if err != nil {
		_ = dir.unlock()
		return nil, err
	}
	return s, nil
}

func openLocked(opts Options, dir directory) (*Store, error) {
	if why := dir.unusable(); why != "" {
		if err := wipeBecause(opts, dir, why); err != nil {
			return nil, err
		}
	}
	s, err := openStore(opts, dir)
	if err != nil {
		if isEnvironment(err) {
			return nil, explainDir(opts.Dir, err)
		}
		if err := wipeBecause(opts, dir, err.Error()); err != nil {
			return nil, err
		}
		if s, err = openStore(opts, dir); err != nil {
			return nil, explainDir(opts.Dir, err)
		}
	}
	if err := dir.own(); err != nil {
		_ = s.db.Close()
		return nil, explainDir(opts.Dir, err)
	}
	return s, nil
}

func wipeBecause(opts Options, dir directory, why string) error {
	opts.Logger.Warn("state directory starts afresh", slog.String("dir", opts.Dir), slog.String("reason", why))
	if err := dir.wipe(); err != nil {
		return explainDir(opts.Dir, err)
	}
	return nil
}

// openStore opens Pebble and reads the markers. An error means that what is there cannot be used, or that the disk refuses.
func openStore(opts Options, dir directory) (*Store, error) {
	s := &Store{
		opts:     opts,
		id:       identity{hashVersion: opts.HashVersion, shards: opts.Shards, pipeline: opts.Pipeline},
		dir:      dir,
		progress: newSignal(),
		shards:   make([]shard, opts.Shards),
	}
	s.health = newHealth(s.onDeath)
	s.deltas.New = func() any { return &Delta{store: s} }
	db, err := pebble.Open(dir.path, s.pebbleOptions(&shieldFS{FS: opts.FS, health: s.health}, dir.lock))
	if err != nil {
		return nil, cmp.Or(s.Err(), err)
	}
	s.db = db
	if err := cmp.Or(s.Err(), s.readMarkers()); err != nil { // what shieldFS kept from Pebble comes first
		_ = db.Close()
		return nil, err
	}
	return s, nil
}

// onDeath runs once, under Pebble's locks: it makes sure that the next Open does not trust what is on disk, and says so.
func (s *Store) onDeath(cause error) {
	s.dir.disown()
	s.opts.Logger.Error("state store died", slog.String("dir", s.opts.Dir), slog.Any("error", cause))
}

func (s *Store) readMarkers() error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: markerKey(0)})
	if err != nil {
		return err
	}
	for it.First(); it.Valid(); it.Next() {
		if err := s.takeMarker(it.Key(), it.Value()); err != nil {
			_ = it.Close()
			return err
		}
	}
	return it.Close()
}

func (s *Store) takeMarker(key, value []byte) error {
	head, id, err := parseMarker(value)
	if err != nil {
		return err
	}
	if id != s.id {
		return fmt.Errorf("it holds the state of %s; this is %s", id, s.id)
	}
	n, err := parseMarkerKey(key)
	if err != nil || n >= len(s.shards) {
		return fmt.Errorf("%w: marker key %x", ErrDamaged, key)
	}
	s.shards[n].head.Store(&head)
	return nil
}
