//go:build integration

package integration_test

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/harness"
	"github.com/millrace/millrace/internal/crash"
	"github.com/stretchr/testify/require"
)

// fenced is the exit code of a process that lost its partitions to another one.
const fenced = 3

// TestZombie stops a process in the middle of a commit, lets a second one finish the work, and wakes the first.
func TestZombie(t *testing.T) {
	harness.Record(t)
	want := matrixExpected(t, harness.FlightLines(t, matrixRecords))
	for _, mode := range modes {
		for _, p := range []crash.Name{crash.BeforeCommit, crash.BeforeBegin} {
			t.Run(mode+"/"+string(p), func(t *testing.T) {
				t.Parallel()
				zombie(t, mode, p, want)
			})
		}
	}
}

func zombie(t *testing.T, mode string, p crash.Name, want map[string]count) {
	l := matrixLife(t, mode)
	first := l.Start("MILLRACE_INSTANCE=first", "MILLRACE_STOP_AT="+string(p)+":5", "MILLRACE_TRIGGER=available-now")
	require.True(t, first.WaitStopped(t, time.Minute), "the run ended without passing %s:5", p)

	l.Finish("MILLRACE_INSTANCE=second", "MILLRACE_STATE_DIR="+filepath.Join(t.TempDir(), "second"))
	before := readMatrix(t, l)
	surplus := before.requirePromise(t, mode, want)

	first.Signal(syscall.SIGCONT)
	exit := first.Wait(t, time.Minute)
	require.Equal(t, harness.Exit{Code: fenced}, exit, "the zombie must see that it was fenced")
	require.Contains(t, first.Output(), "fenced")
	require.Equal(t, before, readMatrix(t, l), "nothing that the zombie had in hand reaches a table")
	t.Logf("%+d records", surplus)
}
