//go:build crashpoints

package offsets

import (
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/crash"
)

const (
	childURL  = "LEDGER_TEST_CHILD_URL"
	childMode = "LEDGER_TEST_CHILD_MODE"
)

// points are those that this package passes, with the passage at which the child dies.
var points = map[crash.Name]int{
	crash.BeforeBegin: 2, crash.AfterFence: 2, crash.AfterRows: 2, crash.AfterDelta: 2, crash.BeforeCommit: 2, crash.AfterCommit: 2,
	crash.BetweenHalves: 2, crash.MidSnapshotUpload: 2, crash.AfterSnapshotRow: 1, crash.BeforeTrim: 1, crash.AfterTrim: 1,
	crash.InClaim: 1, crash.AfterClaim: 1,
}

// Run with -tags crashpoints: a process dies at each point in each mode; another one claims and goes on.
func TestAProcessThatDiesAtAnyPointLeavesALedgerThatHolds(t *testing.T) {
	if url := os.Getenv(childURL); url != "" {
		child(t, url)
		return
	}
	eachMode(t, func(t *testing.T, mode batch.Mode) {
		for point, passage := range points {
			if mode == batch.ExactlyOnce && point == crash.BetweenHalves {
				continue
			}
			t.Run(string(point), func(t *testing.T) { dieAt(t, mode, point, passage) })
		}
	})
}

func child(t *testing.T, url string) {
	l := openURL(t, url)
	mode, _ := batch.ParseMode(os.Getenv(childMode))
	w := claim(t, l, "child")
	for range 3 {
		require.NoError(t, w.commit(mode, w.batch()))
	}
	require.NoError(t, l.PublishSnapshot(t.Context(), pipeline, 0, 3, w.heads[0].ID, bytesOf("sta", "te")))
	_, err := l.Trim(t.Context(), pipeline, 0)
	require.NoError(t, err)
}

func dieAt(t *testing.T, mode batch.Mode, point crash.Name, passage int) {
	l, url := newLedger(t)
	cmd := osexec.Command(os.Args[0], "-test.run=^TestAProcessThatDies") //nolint:gosec // this binary
	cmd.Env = append(os.Environ(), childURL+"="+url, childMode+"="+mode.String(), fmt.Sprintf("MILLRACE_CRASH_AT=%s:%d", point, passage))
	out, err := cmd.CombinedOutput()
	var exit *osexec.ExitError
	require.ErrorAs(t, err, &exit, "the child did not die: %s", out)
	require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), string(out))

	w := claim(t, l, "parent") // waits until the server has noticed
	rows, journal := get[int](t, l, `SELECT count(*)::int FROM public.out`), len(entries(t, l))
	require.Empty(t, audit(t, l))
	require.EqualValues(t, 100+10*journal, nextOf(t, l))
	switch mode {
	case batch.ExactlyOnce:
		require.Equal(t, journal, rows)
	case batch.AtLeastOnce:
		require.Contains(t, []int{journal, journal + 1}, rows)
	case batch.AtMostOnce:
		require.Contains(t, []int{journal, journal - 1}, rows)
	}
	require.EqualValues(t, rows, w.heads[0].Seq, "rows and state agree in every mode")
	restorable(t, l, w.heads[0])
	require.NoError(t, w.commit(mode, w.batch()))
	require.NoError(t, l.PublishSnapshot(context.Background(), pipeline, 0, w.heads[0].Seq, w.heads[0].ID, bytesOf("after")))
}

// restorable checks that snapshot and deltas lead to the head without a gap.
func restorable(t *testing.T, l *Ledger, head Head) {
	t.Helper()
	s, _ := snapshot(t, l)
	at, id := s.Seq, s.ID
	for _, d := range deltas(t, l, s.Seq, head.Seq) {
		require.Equal(t, at+1, d.Seq)
		require.Equal(t, id, d.Prev)
		at, id = d.Seq, d.ID
	}
	require.Equal(t, [2]any{head.Seq, head.ID}, [2]any{at, id})
}
