package offsets

import (
	"bytes"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

func bytesOf(parts ...string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, p := range parts {
			if !yield([]byte(p), nil) {
				return
			}
		}
	}
}

func deltas(t *testing.T, l *Ledger, after, until int64) (list []Delta) {
	t.Helper()
	for d, err := range l.Deltas(t.Context(), pipeline, 0, after, until) {
		require.NoError(t, err)
		list = append(list, d)
	}
	return list
}

func snapshot(t *testing.T, l *Ledger) (Snapshot, string) {
	t.Helper()
	s, ok, err := l.LatestSnapshot(t.Context(), pipeline, 0)
	require.NoError(t, err)
	if !ok {
		return s, ""
	}
	var all []byte
	for b, err := range l.SnapshotParts(t.Context(), pipeline, 0, s) {
		require.NoError(t, err)
		all = append(all, b...)
	}
	return s, string(all)
}

// chained commits n batches and returns the heads of shard 0.
func chained(t *testing.T, w *worker, n int) (heads []Head) {
	t.Helper()
	for range n {
		require.NoError(t, w.commit(batch.ExactlyOnce, w.batch()))
		heads = append(heads, w.heads[0])
	}
	return heads
}

func TestDeltasAreAChainInOrder(t *testing.T) {
	l, _ := newLedger(t)
	l.config.DeltaPart = 1000
	w := claim(t, l, "a")
	var want []Delta
	for i := range 4 {
		b := w.batch()
		for j := range b.Shards {
			b.Shards[j].Delta = bytes.Repeat([]byte{byte(i), byte(b.Shards[j].Shard)}, 1+i*1250) // up to 8 parts, none alike
			if b.Shards[j].Shard == 0 {
				want = append(want, Delta{b.Shards[j].Seq, b.ID, b.Shards[j].Prev, b.Shards[j].Delta})
			}
		}
		require.NoError(t, w.commit(batch.ExactlyOnce, b))
	}
	require.Equal(t, 8, get[int](t, l, `SELECT count(*)::int FROM @.deltas WHERE shard = 0 AND seq = 4`))
	require.Equal(t, want, deltas(t, l, 0, 99))
	require.Equal(t, want[1:3], deltas(t, l, 1, 3))
	require.Empty(t, deltas(t, l, 4, 99))
	for range l.Deltas(t.Context(), pipeline, 0, 0, 99) {
		break // a consumer that has enough leaves no connection behind: Close would wait for it
	}
}

func TestASnapshotIsVisibleWholeAndTrimsWhatItHolds(t *testing.T) {
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	heads := chained(t, w, 5)
	n, err := l.Trim(t.Context(), pipeline, 0)
	require.NoError(t, err)
	require.Zero(t, n, "without a snapshot nothing is trimmed")

	require.NoError(t, l.PublishSnapshot(t.Context(), pipeline, 0, 3, heads[2].ID, bytesOf("sta", "te ", "3")))
	s, state := snapshot(t, l)
	require.Equal(t, "state 3", state)
	require.Equal(t, [3]int64{3, 3, 7}, [3]int64{s.Seq, int64(s.Parts), s.SizeBytes})
	require.Equal(t, heads[2].ID, s.ID)

	n, err = l.Trim(t.Context(), pipeline, 0)
	require.NoError(t, err)
	require.EqualValues(t, 3, n)
	require.Equal(t, heads[3].ID, deltas(t, l, 0, 99)[0].ID)
	require.Equal(t, 5, get[int](t, l, `SELECT count(*)::int FROM @.deltas WHERE shard = 1`), "another shard's stay")
	n, err = l.Trim(t.Context(), pipeline, 0)
	require.NoError(t, err)
	require.Zero(t, n)
}

// A paused claim may come back with state that another history has left behind (spec rule 6).
func TestASnapshotOfAnotherHistoryIsNotPublished(t *testing.T) {
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	heads := chained(t, w, 3)
	for name, id := range map[int64]batch.Token{3: heads[1].ID, 2: fresh(), 4: heads[2].ID} {
		err := l.PublishSnapshot(t.Context(), pipeline, 0, name, id, bytesOf("x"))
		require.ErrorIs(t, err, ErrUnknownHistory, name)
	}
	_, state := snapshot(t, l)
	require.Empty(t, state)
	require.Zero(t, get[int](t, l, `SELECT count(*)::int FROM @.snapshot_parts`), "nothing is left behind")
}

func TestTheHeadItselfIsKnownEvenWhenItsDeltaIsTrimmed(t *testing.T) {
	l, _ := newLedger(t)
	heads := chained(t, claim(t, l, "a"), 2)
	exec(t, l, `DELETE FROM @.deltas`)
	require.NoError(t, l.PublishSnapshot(t.Context(), pipeline, 0, 2, heads[1].ID, bytesOf("x")))
}

func TestAHalfUploadedSnapshotIsNeverVisible(t *testing.T) {
	l, _ := newLedger(t)
	heads := chained(t, claim(t, l, "a"), 2)
	boom := errors.New("boom")
	err := l.PublishSnapshot(t.Context(), pipeline, 0, 2, heads[1].ID, func(yield func([]byte, error) bool) {
		if yield([]byte("half"), nil) {
			yield(nil, boom)
		}
	})
	require.ErrorIs(t, err, boom)
	_, state := snapshot(t, l)
	require.Empty(t, state)
	require.Zero(t, get[int](t, l, `SELECT count(*)::int FROM @.snapshot_parts`))
}

// What a killed process left is deleted by the next publication; an upload that goes on meanwhile notices that it lost parts.
func TestPartsOfNoSnapshotAreDeletedAndAnUploadThatLostPartsIsNotPublished(t *testing.T) {
	l, _ := newLedger(t)
	heads := chained(t, claim(t, l, "a"), 3)
	exec(t, l, `INSERT INTO @.snapshot_parts (pipeline, shard, upload, part, bytes) VALUES ($1, 0, $2, 0, 'orphan')`, pipeline, uuid(fresh()))
	err := l.PublishSnapshot(t.Context(), pipeline, 0, 3, heads[2].ID, func(yield func([]byte, error) bool) {
		if !yield([]byte("1"), nil) {
			return
		}
		require.NoError(t, l.PublishSnapshot(t.Context(), pipeline, 0, 2, heads[1].ID, bytesOf("two")))
		yield([]byte("2"), nil)
	})
	require.ErrorIs(t, err, ErrSnapshotGone)
	s, state := snapshot(t, l)
	require.Equal(t, "two", state)
	require.EqualValues(t, 2, s.Seq)
	require.Equal(t, 1, get[int](t, l, `SELECT count(*)::int FROM @.snapshot_parts`))
}

func TestTheTwoNewestSnapshotsStayAndAReaderOfAnOlderOneIsTold(t *testing.T) {
	l, _ := newLedger(t)
	heads := chained(t, claim(t, l, "a"), 4)
	publish := func(i int) {
		require.NoError(t, l.PublishSnapshot(t.Context(), pipeline, 0, heads[i].Seq, heads[i].ID, bytesOf("s", "t")))
	}
	publish(0)
	first, _ := snapshot(t, l)
	publish(1)
	publish(3)
	publish(3) // the same again
	publish(2) // an older one: dropped silently
	require.Equal(t, []int64{2, 4}, get[[]int64](t, l, `SELECT array_agg(seq ORDER BY seq) FROM @.snapshots`))
	require.Equal(t, 4, get[int](t, l, `SELECT count(*)::int FROM @.snapshot_parts`))
	var last error
	for _, err := range l.SnapshotParts(t.Context(), pipeline, 0, first) {
		last = err
	}
	require.ErrorIs(t, last, ErrSnapshotGone)
}

func TestPruningKeepsTheEndOfTheJournal(t *testing.T) {
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	for range 3 {
		b := w.batch()
		p := b.Partitions[0].Partition
		b.Dead, b.Late = []batch.DeadLetter{{Partition: p}}, []batch.LateRow{{Partition: p}}
		require.NoError(t, w.commit(batch.ExactlyOnce, b))
	}
	n, err := l.Prune(t.Context(), pipeline, Retention{})
	require.NoError(t, err)
	require.Zero(t, n, "zero keeps all")
	n, err = l.Prune(t.Context(), pipeline, Retention{Journal: time.Hour, DeadLetters: time.Hour, LateRows: time.Hour})
	require.NoError(t, err)
	require.Zero(t, n, "nothing is that old")
	time.Sleep(2 * time.Millisecond)
	n, err = l.Prune(t.Context(), pipeline, Retention{Journal: time.Millisecond, DeadLetters: time.Millisecond})
	require.NoError(t, err)
	require.EqualValues(t, 2+1+3, n)
	require.Equal(t, 3, get[int](t, l, `SELECT count(*)::int FROM @.late_rows`))
	require.Equal(t, w.c.LastCommit, claim(t, l, "b").c.LastCommit)
}
