package stateful

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
)

// fullDisk refuses what needs room from the n-th such operation on: only that one, or all that follow.
type fullDisk struct {
	n       int64
	forever bool
	passed  atomic.Int64
	healed  atomic.Bool
}

func (f *fullDisk) String() string { return "full disk" }

func (f *fullDisk) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFilePreallocate, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpMkdirAll, errorfs.OpRename:
	default:
		return nil
	}
	n := f.passed.Add(1) - 1
	if f.healed.Load() || n < f.n || !f.forever && n > f.n {
		return nil
	}
	return &fs.PathError{Op: "write", Path: op.Path, Err: syscall.ENOSPC}
}

// within fails the test if f hangs: a full disk must not stop anyone for ever.
func within(t *testing.T, msg string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		t.Fatalf("%s: hangs", msg)
	}
}

// live opens a store and works with it until the first error.
func live(t *testing.T, opts Options, l *ledger, batches int) error {
	s, err := Open(opts)
	if err != nil {
		return err
	}
	err = func() error {
		if _, err := s.Restore(t.Context(), l, l.claim()); err != nil {
			return err
		}
		rng := rand.New(rand.NewPCG(3, 3))
		for i := range batches {
			d := s.NewDelta(i % testShards)
			for range 40 { // more than the memory tables hold, so that back pressure is met
				d.Put(7, fmt.Append(nil, rng.IntN(5000)), make([]byte, 500))
			}
			err := s.Apply(d, l.commit(t, d, nil))
			d.Release()
			if err != nil {
				return err
			}
			if i%20 == 19 {
				if err := s.Flush(); err != nil {
					return err
				}
			}
		}
		return nil
	}()
	if err != nil {
		_, _, getErr := s.Get(0, 7, []byte("1"), nil)
		require.ErrorIs(t, getErr, ErrStoreDead)
		<-s.Dead()
		require.ErrorIs(t, s.Err(), ErrStoreDead)
	}
	closeErr := s.Close()
	return cmp.Or(err, s.Err(), closeErr)
}

func TestAFullDiskIsANamedErrorAndTheNextOpenStartsAfresh(t *testing.T) {
	const batches = 60
	mem := vfs.NewMem()
	count := &fullDisk{n: 1 << 62}
	opts := testOptions(errorfs.Wrap(mem, count))
	opts.MemTableBytes = 32 << 10
	require.NoError(t, live(t, opts, newLedger(testShards), batches))
	ops := int(count.passed.Load())
	require.Greater(t, ops, 50)
	step := 1
	if testing.Short() {
		step = 7
	}
	died, atOpen := 0, 0
	for n := 0; n < ops; n += step {
		for _, forever := range []bool{false, true} {
			msg := fmt.Sprintf("operation %d, forever %v", n, forever)
			disk := &fullDisk{n: int64(n), forever: forever}
			opts.FS = errorfs.Wrap(vfs.NewMem(), disk)
			l := newLedger(testShards)
			within(t, msg, func() {
				err := live(t, opts, l, batches)
				switch {
				case errors.Is(err, ErrStoreDead):
					died++
				case errors.Is(err, ErrStateDir):
					atOpen++
				case err != nil:
					require.ErrorContains(t, err, "close state directory", msg)
				}
				require.NotErrorIs(t, err, errFatal, msg)
				if err != nil || forever && disk.passed.Load() > disk.n+1 {
					require.ErrorIs(t, err, syscall.ENOSPC, msg)
				}
				disk.healed.Store(true)
				s, err := Open(opts)
				require.NoError(t, err, msg)
				restore(t, s, l)
				for shard := range testShards {
					h, _ := s.Marker(shard)
					require.Equal(t, l.head(shard), h)
				}
				require.NoError(t, s.Close())
			})
		}
	}
	t.Logf("%d operations; died %d times, refused to open %d times", ops, died, atOpen)
	require.NotZero(t, died)
	require.NotZero(t, atOpen)
}
