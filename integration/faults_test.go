//go:build integration

package integration_test

import (
	"path/filepath"
	"testing"

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

func TestStateDirectorySwappedForOldCopy(t *testing.T) {
	harness.Record(t)
	l := matrixLife(t, exactlyOnce)
	old := filepath.Join(t.TempDir(), "old")
	l.MustCrashAt("after_apply:3")
	l.CopyState(old)
	l.MustCrashAt("after_apply:15")
	l.SwapState(old)
	l.Finish()
	requireExact(t, l)
}

// The local state is ahead of the ledger, on a history that the ledger has never had: it must be dropped, not continued.
func TestPostgresRestoredToEarlierBackup(t *testing.T) {
	harness.Record(t)
	for _, n := range []struct{ name, then string }{
		{"WhenTheStateIsAhead", "after_apply:9"},
		{"WhenTheLastCommitWasNotApplied", "after_commit:9"},
	} {
		t.Run(n.name, func(t *testing.T) {
			k, p := harness.Kafka(t), harness.OwnPostgres(t)
			k.Flights(t, matrixTopic, matrixRecords)
			l := matrixLifeOn(t, k, p, exactlyOnce)
			l.MustCrashAt("after_apply:8")
			p.Backup(t)
			backedUp := readMatrix(t, l).records()
			l.MustCrashAt(n.then)
			require.Greater(t, readMatrix(t, l).records(), backedUp)
			p.Restore(t)
			require.Equal(t, backedUp, readMatrix(t, l).records(), "the tables are back")
			l.Finish()
			requireExact(t, l)
		})
	}
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
