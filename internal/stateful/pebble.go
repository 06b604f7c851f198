package stateful

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// The store's format on disk. Pebble upgrades an older one when it opens it.
const pebbleFormat = pebble.FormatValueSeparation

const (
	bloomBitsPerKey = 10 // 1 % of the lookups of absent keys read a block
	maxOpenFiles    = 500
	noStop          = 1 << 20
)

func (s *Store) pebbleOptions(fs vfs.FS, lock *pebble.Lock) *pebble.Options {
	o := &pebble.Options{
		FS:                         fs,
		Lock:                       lock,
		Logger:                     pebbleLog{log: s.opts.Logger, health: s.health},
		EventListener:              s.events(),
		DisableWAL:                 true, // S6
		FormatMajorVersion:         pebbleFormat,
		CacheSize:                  s.opts.CacheBytes,
		MemTableSize:               uint64(s.opts.MemTableBytes),
		MaxOpenFiles:               maxOpenFiles,
		L0CompactionThreshold:      2,
		LBaseMaxBytes:              64 << 20,
		CompactionConcurrencyRange: func() (int, int) { return 1, 2 },
		// Pebble's own brakes hold the commit lock while they wait, and wait for ever if the flush they wait for keeps failing. Ours is throttle.
		MemTableStopWritesThreshold: noStop,
		L0StopWritesThreshold:       noStop,
	}
	o.Experimental.FileCacheShards = 2
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBitsPerKey)
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.FastestCompression }
		o.TargetFileSizes[i] = 8 << 20
	}
	return o
}

func (s *Store) events() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) { _ = s.health.die(err) },
		DataCorruption: func(i pebble.DataCorruptionInfo) {
			_ = s.health.die(fmt.Errorf("%w: %s: %w", ErrDamaged, i.Path, i.Details))
		},
		FlushEnd:      func(pebble.FlushInfo) { s.progress.fire() },
		CompactionEnd: func(pebble.CompactionInfo) { s.progress.fire() },
	}
}

// pebbleLog keeps Pebble from ending the process, which is what its default logger does. What is fatal to Pebble and does not come from a disk
// that shieldFS hides is a broken invariant of its own.
type pebbleLog struct {
	log    *slog.Logger
	health *health
}

// Infof is silent: Pebble talks about every file.
func (pebbleLog) Infof(string, ...any) {}

// Errorf logs.
func (l pebbleLog) Errorf(format string, args ...any) {
	l.log.Warn("state store complains", slog.String("error", fmt.Sprintf(format, args...)))
}

// Fatalf marks the store dead.
func (l pebbleLog) Fatalf(format string, args ...any) {
	_ = l.health.die(fmt.Errorf("%w: %s", errFatal, fmt.Sprintf(format, args...)))
}

// errFatal marks what Pebble would have ended the process for.
var errFatal = errors.New("broken invariant")
