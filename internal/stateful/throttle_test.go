package stateful

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
)

// stuckDisk holds writes of tables back until it is let go, with or without an error.
type stuckDisk struct {
	on    atomic.Bool
	let   chan struct{}
	after error
	once  sync.Once
}

func (d *stuckDisk) String() string { return "stuck disk" }

func (d *stuckDisk) MaybeError(op errorfs.Op) error {
	if op.Kind != errorfs.OpCreate || !d.on.Load() {
		return nil
	}
	<-d.let
	return d.after
}

func (d *stuckDisk) release() { d.once.Do(func() { close(d.let) }) }

func TestApplyWaitsForADiskThatIsFarBehindAndEndsWithIt(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after error
	}{{"it recovers", nil}, {"it fails", syscall.EIO}} {
		t.Run(tt.name, func(t *testing.T) {
			disk := &stuckDisk{let: make(chan struct{}), after: tt.after}
			o := testOptions(errorfs.Wrap(vfs.NewMem(), disk))
			o.MemTableBytes = 1 << 20
			s, err := Open(o)
			require.NoError(t, err)
			l := newLedger(testShards)
			restore(t, s, l)
			disk.on.Store(true)

			var applied atomic.Int64
			ended := make(chan error, 1)
			go func() {
				d := s.NewDelta(0)
				defer d.Release()
				for i := range int64(400) { // 20 MB
					d.Reset()
					for k := range 50 {
						d.Put(7, fmt.Append(nil, i, k), make([]byte, 1000))
					}
					if err := s.Apply(d, Head{Seq: i + 1, ID: id(1)}); err != nil {
						ended <- err
						return
					}
					applied.Add(50_000)
				}
				ended <- nil
			}()
			require.Eventually(t, func() bool { return applied.Load() > 1<<20 }, 20*time.Second, time.Millisecond)
			still, quiet := applied.Load(), 0
			require.Eventually(t, func() bool {
				if now := applied.Load(); now != still {
					still, quiet = now, 0
				}
				quiet++
				return quiet > 10
			}, 20*time.Second, 50*time.Millisecond)
			require.Less(t, still, int64(8<<20), "what waits for the disk is bounded")
			disk.release()
			err = <-ended
			if tt.after == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, ErrStoreDead)
				require.ErrorIs(t, err, syscall.EIO)
			}
			require.NoError(t, s.Close())
		})
	}
}
