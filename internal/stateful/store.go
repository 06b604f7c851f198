package stateful

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Options says where the state lives and whose it is. Dir, Pipeline and Shards must be set.
type Options struct {
	Dir         string // the state directory; the store makes a folder of its own below it
	Pipeline    string
	Shards      int   // 1 to MaxShards
	HashVersion uint8 // of the function that maps keys to shards

	CacheBytes     int64 // of Pebble's block cache; 0: 64 MiB
	MemTableBytes  int   // how much is applied before it is flushed to disk; 0: 16 MiB
	RestoreWorkers int   // shards restored at a time; 0: 4
	Logger         *slog.Logger
	FS             vfs.FS // 0: the operating system's
}

const (
	defaultCache    = 64 << 20
	defaultMemTable = 16 << 20
	defaultWorkers  = 4
)

func (o *Options) check() error {
	switch {
	case o.Dir == "":
		return fmt.Errorf("%w: no directory given; set MILLRACE_STATE_DIR", ErrStateDir)
	case o.Pipeline == "":
		return fmt.Errorf("open state: no pipeline named")
	case o.Shards < 1 || o.Shards > MaxShards:
		return fmt.Errorf("open state: %d shards: want 1 to %d", o.Shards, MaxShards)
	}
	return nil
}

func (o *Options) fill() {
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCache
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = defaultMemTable
	}
	if o.RestoreWorkers == 0 {
		o.RestoreWorkers = defaultWorkers
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
}

// Store is the keyed state of one pipeline on one instance. Reads may run on all goroutines. Writes of different shards may run side by
// side; those of one shard wait for each other. Close must come last.
type Store struct {
	opts     Options
	id       identity
	dir      directory
	db       *pebble.DB
	health   *health
	progress *signal // a flush or a compaction has ended
	applied  atomic.Int64
	shards   []shard
	deltas   sync.Pool // of *Delta
	closed   atomic.Bool
}

// shard is one shard's write lock and marker. head is nil while the state is not complete (S2).
type shard struct {
	mu   sync.Mutex
	head atomic.Pointer[Head]
}

// Marker returns the head that a shard's state has; false if the shard has no complete state.
func (s *Store) Marker(shard int) (Head, bool) {
	if h := s.shards[shard].head.Load(); h != nil {
		return *h, true
	}
	return Head{}, false
}

// Shards returns the number of shards.
func (s *Store) Shards() int { return len(s.shards) }

// Err returns nil while the store lives, and ErrStoreDead with its cause afterwards.
func (s *Store) Err() error { return s.health.err() }

// Dead is closed when the store dies.
func (s *Store) Dead() <-chan struct{} { return s.health.dead }

// Size returns the bytes that the store has on disk and in memory tables.
func (s *Store) Size() int64 {
	if s.Err() != nil || s.closed.Load() {
		return 0
	}
	m := s.db.Metrics()
	return int64(m.DiskSpaceUsage() + m.MemTable.Size)
}

// ShardSize returns about how many bytes of a shard have been flushed to disk, compressed.
func (s *Store) ShardSize(shard int) (int64, error) {
	if err := s.Err(); err != nil {
		return 0, err
	}
	start, end := shardRange(shard)
	n, err := s.db.EstimateDiskUsage(start, end)
	if err != nil {
		return 0, s.failed(err)
	}
	return int64(n), nil
}

// Flush writes what has been applied to disk, so that a crash after it costs no replay of the deltas before it. It waits for the disk: call
// it beside the batch loop, about as often as snapshots are taken.
func (s *Store) Flush() error {
	if err := s.Err(); err != nil {
		return err
	}
	done, err := s.db.AsyncFlush()
	if err != nil {
		return s.failed(err)
	}
	select {
	case <-done:
		return s.Err()
	case <-s.Dead(): // the flush is tried for ever
		return s.Err()
	}
}

// Close flushes and releases the directory. A dead store's files are deleted. Iterators and snapshots must have been closed.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	flushErr := s.Flush() // without a log, what is not flushed is gone
	err := s.db.Close()
	if dead := s.Err(); dead != nil {
		_ = s.dir.wipe() // what cannot be deleted now is deleted by the next Open
		_ = s.dir.unlock()
		return nil //nolint:nilerr // a dead store has said so; there is nothing more to lose
	}
	if err == nil {
		err = flushErr
	}
	if lockErr := s.dir.unlock(); err == nil {
		err = lockErr
	}
	if err != nil {
		return fmt.Errorf("close state directory %s: %w", s.opts.Dir, err)
	}
	return nil
}

// failed turns an error of Pebble into the store's death: none of them is an answer that a cache could live with.
func (s *Store) failed(err error) error { return s.health.die(err) }
