//go:build integration

package integration_test

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/harness"
	"github.com/stretchr/testify/require"
)

func requireExact(t *testing.T, l *harness.Life) {
	t.Helper()
	readMatrix(t, l).requirePromise(t, exactlyOnce, matrixExpected(t, harness.FlightLines(t, matrixRecords)))
}

func TestStateDirectoryDeleted(t *testing.T) {
	harness.Record(t)
	l := matrixLife(t, exactlyOnce)
	l.MustCrashAt("after_commit:7")
	l.DropState()
	l.MustCrashAt("after_apply:9")
	l.DropState()
	l.Finish()
	requireExact(t, l)
}

// stopAfter runs until the tables have n records more, and ends the run with SIGTERM: a graceful stop writes the local state to the disk,
// while a crash may lose all of it, as a cache may be lost.
func stopAfter(t *testing.T, l *harness.Life, n int64) {
	t.Helper()
	until := rawRecords(t, l) + n
	run := l.Start()
	awaitRecords(t, l, until)
	run.Signal(syscall.SIGTERM)
	require.Equal(t, harness.Exit{}, run.Wait(t, time.Minute), "a graceful stop")
	require.Less(t, rawRecords(t, l), int64(matrixRecords), "some work is left")
}

// The copy is on the ledger's own history, only old: it may be brought up to date, or dropped, but not taken for the present.
func TestStateDirectorySwappedForOldCopy(t *testing.T) {
	harness.Record(t)
	l := matrixLife(t, exactlyOnce)
	old := filepath.Join(t.TempDir(), "old")
	stopAfter(t, l, 3000)
	l.CopyState(old)
	stopAfter(t, l, 3000)
	l.SwapState(old)
	l.Finish()
	requireExact(t, l)
}

// The local state is ahead of the ledger, on a history that the ledger has never had: it must be dropped, not continued.
func TestPostgresRestoredToEarlierBackup(t *testing.T) {
	harness.Record(t)
	for _, n := range []struct {
		name string
		then func(t *testing.T, l *harness.Life)
	}{
		{"WhenTheStateIsAhead", func(t *testing.T, l *harness.Life) { stopAfter(t, l, 3000) }},
		{"WhenTheStateIsOnAnotherHistoryOfTheSameLength", anotherHistory},
		{"WhenTheLastCommitWasNotApplied", func(_ *testing.T, l *harness.Life) { l.MustCrashAt("after_commit:9") }},
	} {
		t.Run(n.name, func(t *testing.T) {
			k, p := harness.Kafka(t), harness.OwnPostgres(t)
			k.Flights(t, matrixTopic, matrixRecords)
			l := matrixLifeOn(t, k, p, exactlyOnce)
			stopAfter(t, l, 3000)
			p.Backup(t)
			backedUp := readMatrix(t, l).records()
			n.then(t, l)
			require.Greater(t, readMatrix(t, l).records(), backedUp)
			p.Restore(t)
			require.Equal(t, backedUp, readMatrix(t, l).records(), "the tables are back")
			l.Finish()
			requireExact(t, l)
		})
	}
}

// anotherHistory goes on with a state directory that another instance continues after the restore: the ledger then counts as far as the
// first one's state, or further, and means other batches.
func anotherHistory(t *testing.T, l *harness.Life) {
	t.Helper()
	stopAfter(t, l, 1500)
	ahead := filepath.Join(t.TempDir(), "ahead")
	l.CopyState(ahead)
	l.Postgres.Restore(t)
	l.DropState()
	stopAfter(t, l, 6000) // in other batches: another number of records may be in each
	l.SwapState(ahead)
	l.MustCrashAt("after_claim")
	l.MustCrashAt("after_commit:2")
}

// The same while the process lives through it: it holds tokens that the restored ledger has never seen.
func TestPostgresRestoredUnderARunningProcess(t *testing.T) {
	harness.Record(t)
	k, p := harness.Kafka(t), harness.OwnPostgres(t)
	topic := "restored-under-running"
	k.CreateTopic(t, topic)
	lines := harness.FlightLines(t, matrixRecords)
	l := matrixLifeOn(t, k, p, exactlyOnce, "TOPIC="+topic)
	k.Produce(t, topic, lines[:5000]...)
	running := l.Start()
	awaitRecords(t, l, 5000)
	p.Backup(t)
	k.Produce(t, topic, lines[5000:8000]...)
	awaitRecords(t, l, 8000)
	p.Restore(t)
	k.Produce(t, topic, lines[8000:]...)
	if exit, ended := endsWithin(running); ended { // fenced by the past: a restart goes on from what the ledger has
		require.Equal(t, harness.Exit{Code: fenced}, exit)
		l.Finish()
	} else {
		awaitRecords(t, l, matrixRecords)
	}
	requireExact(t, l)
}
