//go:build integration

package integration_test

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/harness"
	"github.com/millrace/millrace/internal/testkit"
	"github.com/stretchr/testify/require"
)

// nthCommit matches the n-th COMMIT that passes the proxy, of the migration, of claims and of batches alike.
func nthCommit(n int) testkit.Match {
	return func(b []byte) bool {
		if testkit.IsCommit(b) {
			n--
			return n == 0
		}
		return false
	}
}

// behindProxy makes a life whose Postgres is reached through a proxy.
func behindProxy(t *testing.T, mode string) (*harness.Life, *testkit.Proxy) {
	t.Helper()
	p := harness.Postgres(t)
	proxy := testkit.NewProxy(t, p.Addr())
	l := matrixLife(t, mode, "SNAPSHOTS=1h") // so that a COMMIT is a claim's or a batch's
	through := strings.Replace(p.URL(l.Database), p.Addr(), proxy.Addr(), 1)
	l.Set("MILLRACE_POSTGRES_URL=" + through)
	return l, proxy
}

// finishes waits for the end of a run that had COMMITs in doubt, and checks its tables.
func finishes(t *testing.T, l *harness.Life, run *harness.Process, mode string) {
	t.Helper()
	require.Equal(t, harness.Exit{}, run.Wait(t, 2*time.Minute), "the same process finds out and goes on")
	require.Contains(t, run.Output(), "in doubt")
	surplus := readMatrix(t, l).requirePromise(t, mode, matrixExpected(t, harness.FlightLines(t, matrixRecords)))
	t.Logf("%+d records", surplus)
}

// TestCommitAnswerLost: COMMIT is executed, and its answer never comes.
func TestCommitAnswerLost(t *testing.T) {
	harness.Record(t)
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			l, proxy := behindProxy(t, mode)
			proxy.SwallowAfter(nthCommit(6))
			run := l.Start("MILLRACE_TRIGGER=available-now")
			for i, after := range []int{7, 9, 0} {
				harness.Eventually(t, time.Minute, "COMMIT does not pass", func() bool { return proxy.Fired() == i+1 })
				if after > 0 {
					proxy.SwallowAfter(nthCommit(after))
				}
			}
			finishes(t, l, run, mode)
		})
	}
}

// TestCommitDelayed: COMMIT hangs in the network, the connection breaks, and COMMIT arrives after all - before a new claim gives up waiting
// for the rows (3 s), and after it has given up and asked again (8 s).
func TestCommitDelayed(t *testing.T) {
	harness.Record(t)
	for _, mode := range modes {
		for _, d := range []time.Duration{3 * time.Second, 8 * time.Second} {
			t.Run(mode+"/"+d.String(), func(t *testing.T) {
				t.Parallel()
				l, proxy := behindProxy(t, mode)
				proxy.DelayMatching(nthCommit(9), d)
				run := l.Start("MILLRACE_TRIGGER=available-now")
				harness.Eventually(t, time.Minute, "COMMIT does not pass", func() bool { return proxy.Fired() == 1 })
				proxy.Cut()
				proxy.Heal()
				finishes(t, l, run, mode)
			})
		}
	}
}
