//go:build integration

package integration_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/harness"
	"github.com/millrace/millrace/internal/crash"
	"github.com/stretchr/testify/require"
)

// passages says at which passages of a point the process dies, one start after another. A start passes most points many times, and some
// once: these are met again by starting again.
func passages(p crash.Name) []int {
	if p == crash.InClaim || p == crash.AfterClaim || p == crash.InShutdown {
		return []int{1, 1, 1}
	}
	return []int{1, 2, 5}
}

// impossible names the points that a mode never passes.
func impossible(p crash.Name, mode string) bool {
	return p == crash.BetweenHalves && mode == exactlyOnce
}

// TestCrashPoints kills the binary at every named point, three times each at different passages, in every mode, and looks at the tables.
func TestCrashPoints(t *testing.T) {
	harness.Record(t)
	require.GreaterOrEqual(t, len(crash.Names()), 12)
	want := matrixExpected(t, harness.FlightLines(t, matrixRecords))
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			hits, off := map[string]int{}, map[string]int{}
			for _, p := range crash.Names() {
				t.Run(string(p), func(t *testing.T) {
					n, surplus := crashLives(t, mode, p, want)
					hits[string(p)], off[string(p)] = n, int(surplus)
				})
			}
			line("crash points, %s, hits:%s", mode, points(hits))
			line("crash points, %s, records too many (or, below 0, too few):%s", mode, points(off))
		})
	}
}

// crashLives lets one life die at the point at each of its passages and then finish; then, until there were three deaths, further lives at
// the first passage.
func crashLives(t *testing.T, mode string, p crash.Name, want map[string]count) (hits int, surplus int64) {
	hits, surplus = crashLife(t, mode, p, passages(p), want)
	for more := 0; hits < 3 && more < 3 && !impossible(p, mode); more++ {
		h, s := crashLife(t, mode, p, []int{1}, want)
		hits, surplus = hits+h, surplus+s
	}
	t.Logf("%s: hit %d times, %+d records", p, hits, surplus)
	switch {
	case impossible(p, mode):
		require.Zero(t, hits)
	case mode == exactlyOnce:
		require.GreaterOrEqual(t, hits, 3, "a point that no run passes proves nothing")
	}
	if p == crash.BetweenHalves {
		requireTheHarmOfHalves(t, mode, surplus)
	}
	return hits, surplus
}

// requireTheHarmOfHalves: a death between the halves must show, or the mode does not do what it says (or the point stands elsewhere).
func requireTheHarmOfHalves(t *testing.T, mode string, surplus int64) {
	t.Helper()
	switch mode {
	case atLeastOnce:
		require.Positive(t, surplus, "a result that was saved without its offset counts again")
	case atMostOnce:
		require.Negative(t, surplus, "an offset that was saved without its result loses the batch")
	}
}

func crashLife(t *testing.T, mode string, p crash.Name, at []int, want map[string]count) (hits int, surplus int64) {
	l := matrixLife(t, mode)
	if p == crash.MidRestore { // there must be something to restore, and no local state that spares it
		l.MustCrashAt(string(crash.AfterCommit) + ":12")
	}
	for _, n := range at {
		if p == crash.MidRestore {
			l.DropState()
		}
		if p == crash.InShutdown {
			crashInShutdown(t, l)
		} else if !l.CrashAt(fmt.Sprintf("%s:%d", p, n)) {
			t.Logf("%s:%d was not reached", p, n)
			break // the input is used up
		}
		hits++
	}
	l.Finish()
	return hits, readMatrix(t, l).requirePromise(t, mode, want)
}

// crashInShutdown sends SIGTERM to a run that is busy with batches; the point lies behind it.
func crashInShutdown(t *testing.T, l *harness.Life) {
	t.Helper()
	before := rawRecords(t, l)
	p := l.Start("MILLRACE_CRASH_AT=" + string(crash.InShutdown))
	awaitRecords(t, l, min(before+1500, matrixRecords))
	p.Signal(syscall.SIGTERM)
	exit := p.Wait(t, time.Minute)
	require.True(t, exit.Killed(), "SIGTERM ended the run with %s before %s", exit, crash.InShutdown)
}
