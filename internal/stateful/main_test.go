package stateful

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// Pebble's Open starts this goroutine and forgets it when a later step of Open fails, which tests here make it do on purpose.
var forgotten = goleak.IgnoreTopFunction("github.com/cockroachdb/pebble/v2.(*ConcurrencyLimitScheduler).periodicGranter")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, forgotten) }

func TestCloseEndsEveryGoroutine(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s, l := openAt(t, vfs.NewMem()), newLedger(testShards)
	restore(t, s, l)
	put(t, s, l, 0, "a", "1")
	require.NoError(t, s.Flush())
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "twice is once")
	goleak.VerifyNone(t, before)
}
