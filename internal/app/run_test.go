package app

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/testkit"
)

func TestWhoseClaimIsTakenEndsAsFencedAndHasWrittenNothingSince(t *testing.T) {
	w := newWorld(t)
	w.write(0, numbers(100)...)
	first := w.start(set("MILLRACE_INSTANCE", "first"))
	w.until(100)
	second := w.start(set("MILLRACE_INSTANCE", "second"))
	second.says("msg=claimed")
	w.write(1, numbers(50)...)
	require.ErrorIs(t, first.wait(), ErrFenced)
	w.until(150)
	close(second.drain)
	require.NoError(t, second.wait())
}

func TestADrainCommitsTheBatchThatIsFarFromItsEnd(t *testing.T) {
	w := newWorld(t)
	w.write(0, numbers(100)...)
	r := w.start(set("interval", "1h"))
	r.says("state restored")
	time.Sleep(500 * time.Millisecond) // the records are in an open batch by now
	require.Equal(t, 0, max(0, w.counted()))
	close(r.drain)
	require.NoError(t, r.wait())
	require.Equal(t, 100, w.counted())
}

func TestAContextThatEndsStopsAtOnceAndLosesNothing(t *testing.T) {
	w := newWorld(t)
	w.write(0, numbers(100)...)
	r := w.start(set("interval", "1h"))
	r.says("state restored")
	r.stop()
	require.ErrorIs(t, r.wait(), ErrStopped)
	require.NoError(t, w.start(set("MILLRACE_TRIGGER", "available-now")).wait())
	require.Equal(t, 100, w.counted())
}

func TestAvailableNowOfAHaltedPartitionCommitsTheOthersAndNamesIt(t *testing.T) {
	w := newWorld(t)
	w.write(0, numbers(10)...)
	w.write(1, numbers(10)...)
	require.NoError(t, w.start(set("MILLRACE_TRIGGER", "available-now")).wait())
	w.write(0, numbers(30)...)
	w.write(1, numbers(30)...)
	w.deleteBelow(1, 25)
	r := w.start(set("MILLRACE_TRIGGER", "available-now"))
	require.ErrorContains(t, r.wait(), "numbers/1 is halted at offset 10 with input up to 40")
	require.Contains(t, r.out.String(), "code=BELOW_START")
	require.Equal(t, 50, w.counted())
}

// In every mode: what is in doubt is settled by a claim; only the weaker ones may count twice or lose.
func TestALostAnswerToCommitIsSettledByAClaim(t *testing.T) {
	for mode, want := range map[string][]int{"exactly-once": {100}, "at-least-once": {100, 200}, "at-most-once": {0, 100}} {
		t.Run(mode, func(t *testing.T) {
			w := newWorld(t)
			r := w.start(set("delivery", mode))
			r.says("state restored")
			w.proxy.SwallowAfter(testkit.IsCommit)
			w.write(0, numbers(100)...)
			r.says("going on")
			time.Sleep(300 * time.Millisecond) // what it does again, it does at once
			close(r.drain)
			require.NoError(t, r.wait())
			require.Contains(t, want, max(0, w.counted()))
			require.Equal(t, 1, w.proxy.Fired())
		})
	}
}

func TestADrainWhilePostgresIsAwayEndsAtOnce(t *testing.T) {
	w := newWorld(t)
	r := w.start()
	r.says("state restored")
	w.proxy.Cut()
	w.write(0, numbers(100)...)
	r.says("paused")
	close(r.drain)
	require.NoError(t, r.wait())
	w.proxy.Heal()
	require.NoError(t, w.start(set("MILLRACE_TRIGGER", "available-now")).wait())
	require.Equal(t, 100, w.counted())
}

// The batch before the record that stops the pipeline is under commit then; at-most-once has its offsets in the ledger already.
func TestTheCommitUnderWayIsLetEndWhenALaterBatchStopsThePipeline(t *testing.T) {
	w := newWorld(t)
	r := w.start(set("delivery", "at-most-once"))
	r.says("state restored")
	w.proxy.DelayMatching(testkit.IsCommit, time.Second)
	w.write(0, numbers(10)...)
	require.Eventually(t, func() bool { return w.proxy.Fired() == 1 }, 10*time.Second, time.Millisecond)
	w.write(0, "no number")
	var stopped *engine.RecordError
	require.ErrorAs(t, r.wait(), &stopped)
	require.Equal(t, 10, w.counted())
}

func TestReadinessRecoversWhenPostgresDoes(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ready := func(status int, text string) func() bool {
		return func() bool {
			resp, err := client.Get("http://" + addr + "/readyz")
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			return err == nil && resp.StatusCode == status && strings.Contains(string(body), text)
		}
	}
	r := w.start(set("MILLRACE_HTTP_ADDR", addr))
	require.Eventually(t, ready(http.StatusOK, ""), 20*time.Second, 20*time.Millisecond)
	w.proxy.Cut()
	w.write(0, numbers(100)...)
	require.Eventually(t, ready(http.StatusServiceUnavailable, "postgres"), 20*time.Second, 20*time.Millisecond)
	w.proxy.Heal()
	require.Eventually(t, ready(http.StatusOK, ""), 20*time.Second, 20*time.Millisecond, "%s", &r.out)
	w.until(100)
	close(r.drain)
	require.NoError(t, r.wait())
	require.Equal(t, 100, w.counted())
}

// A halt is said as long as it lasts: a claim places the partition anew, and it is told of again only if it halts again.
func TestAHaltThatAClaimFindsAgainCountsOnce(t *testing.T) {
	w := newWorld(t)
	w.write(1, numbers(10)...)
	require.NoError(t, w.start(set("MILLRACE_TRIGGER", "available-now")).wait())
	w.write(1, numbers(30)...)
	w.deleteBelow(1, 25)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().String()
	require.NoError(t, l.Close())
	r := w.start(set("MILLRACE_HTTP_ADDR", addr))
	r.says("partition halted")
	w.proxy.Cut()
	w.write(0, numbers(10)...)
	r.says("paused")
	w.proxy.Heal()
	r.says("going on")
	require.Eventually(t, func() bool { return strings.Count(r.out.String(), "partition halted") == 2 }, 20*time.Second, 10*time.Millisecond, "%s", &r.out)
	w.until(20)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + addr + "/metrics")
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Regexp(t, `(?m)^millrace_ingest_halted_partitions 1$`, string(body))
	close(r.drain)
	require.NoError(t, r.wait())
}
