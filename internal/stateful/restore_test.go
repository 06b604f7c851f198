package stateful

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

// history is a ledger whose shard 1 has n deltas, and a store that wrote them.
func history(t *testing.T, n int) (*Store, *ledger) {
	s, l := openAt(t, vfs.NewMem()), newLedger(testShards)
	restore(t, s, l)
	for i := range n {
		put(t, s, l, 1, fmt.Sprintf("key %d", i%7), fmt.Sprintf("value %d", i))
	}
	return s, l
}

func publish(t *testing.T, s *Store, l *ledger, shard, partBytes int) {
	p, err := s.Snapshot(shard)
	require.NoError(t, err)
	l.publish(t, p, partBytes)
	require.NoError(t, p.Close())
}

func TestRestoreTellsWhatItDid(t *testing.T) {
	s, l := history(t, 10)
	publish(t, s, l, 1, 20)
	l.trim(1)
	for i := range 5 {
		put(t, s, l, 1, "more", fmt.Sprint(i))
	}
	s = openAt(t, vfs.NewMem())
	r := restore(t, s, l)
	requireAt(t, s, l, 1)
	got := r.Shards[1]
	require.Positive(t, got.Bytes)
	got.Bytes = 0
	require.Equal(t, ShardReport{Shard: 1, Head: l.head(1), Snapshot: l.shards[1].heads[10], Keys: 7, Deltas: 5}, got)
	require.Equal(t, 2, r.Local(), "shards without state cost nothing")
	require.EqualValues(t, 5, r.Total().Deltas)
	require.Equal(t, testShards, restore(t, s, l).Local())
}

func TestASnapshotSeesNothingThatIsAppliedAfterIt(t *testing.T) {
	s, l := history(t, 3)
	p, err := s.Snapshot(1)
	require.NoError(t, err)
	put(t, s, l, 1, "late", "yes")
	require.Equal(t, l.shards[1].heads[3], p.Head())
	l.publish(t, p, 1<<20)
	require.NoError(t, p.Close())
	l.rollBack(1, 3)
	s = openAt(t, vfs.NewMem())
	restore(t, s, l)
	requireAt(t, s, l, 1)
}

func TestASnapshotOfAnEmptyShardIsOnePart(t *testing.T) {
	s, l := history(t, 1)
	put(t, s, l, 1, "key 0", "")
	publish(t, s, l, 1, 100)
	require.Len(t, l.shards[1].parts, 1)
	l.trim(1)
	s = openAt(t, vfs.NewMem())
	restore(t, s, l)
	requireAt(t, s, l, 1)
}

func TestAPartReaderMayStopEarly(t *testing.T) {
	s, _ := history(t, 10)
	p, err := s.Snapshot(1)
	require.NoError(t, err)
	for _, err := range p.Parts(20) {
		require.NoError(t, err)
		break
	}
	require.NoError(t, p.Close())
}

func TestAnIncompleteSnapshotIsNotState(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func([][]byte) [][]byte
	}{
		{"last part missing", func(p [][]byte) [][]byte { return p[:len(p)-1] }},
		{"first part missing", func(p [][]byte) [][]byte { return p[1:] }},
		{"part missing", func(p [][]byte) [][]byte { return slices.Delete(slices.Clone(p), 1, 2) }},
		{"parts swapped", func(p [][]byte) [][]byte { p = slices.Clone(p); p[0], p[1] = p[1], p[0]; return p }},
		{"part twice", func(p [][]byte) [][]byte { return slices.Insert(slices.Clone(p), 1, p[0]) }},
		{"part after the last", func(p [][]byte) [][]byte { return append(slices.Clone(p), p[len(p)-1]) }},
		{"no part", func([][]byte) [][]byte { return nil }},
		{"bit flipped", func(p [][]byte) [][]byte {
			p = slices.Clone(p)
			p[1] = bytes.Clone(p[1])
			p[1][len(p[1])/2] ^= 1
			return p
		}},
		{"empty part", func(p [][]byte) [][]byte { p = slices.Clone(p); p[1] = nil; return p }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, l := history(t, 10)
			publish(t, s, l, 1, 40)
			require.Greater(t, len(l.shards[1].parts), 2)
			l.trim(1)
			good := l.shards[1].parts
			l.shards[1].parts = tt.damage(good)
			s = openAt(t, vfs.NewMem())
			_, err := s.Restore(context.Background(), l, l.claim())
			require.ErrorIs(t, err, ErrDamaged)
			require.ErrorContains(t, err, "restore shard 1")
			_, ok := s.Marker(1)
			require.False(t, ok)
			_, _, err = s.Get(1, 7, []byte("key 1"), nil)
			require.ErrorIs(t, err, ErrNotRestored)

			l.shards[1].parts = good
			restore(t, s, l)
			requireAt(t, s, l, 1)
		})
	}
}

func TestALedgerWithAHoleNamesThePlaceAndIsNotState(t *testing.T) {
	_, l := history(t, 10)
	l.shards[1].deltas = slices.Delete(l.shards[1].deltas, 4, 5)
	s := openAt(t, vfs.NewMem())
	_, err := s.Restore(context.Background(), l, l.claim())
	require.ErrorIs(t, err, ErrHistoryIncomplete)
	require.ErrorContains(t, err, "restore shard 1 to 10 (")
	require.ErrorContains(t, err, "does not follow 4 (")
}

func TestADeltaOfAnotherShardIsNotApplied(t *testing.T) {
	s, l := history(t, 3)
	d := s.NewDelta(2)
	d.Put(7, []byte("a"), []byte("1"))
	b, err := d.Encode(nil)
	d.Release()
	require.NoError(t, err)
	l.shards[1].deltas[1].Bytes = b
	s = openAt(t, vfs.NewMem())
	_, err = s.Restore(context.Background(), l, l.claim())
	require.ErrorIs(t, err, ErrDamaged)
	require.ErrorIs(t, err, ErrHistoryIncomplete)
}

func TestACancelledRestoreIsTakenUpAgain(t *testing.T) {
	_, l := history(t, 10)
	s := openAt(t, vfs.NewMem())
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	l.fail = func(string) error {
		if n++; n > 5 {
			cancel()
			return ctx.Err()
		}
		return nil
	}
	_, err := s.Restore(ctx, l, l.claim())
	require.ErrorIs(t, err, context.Canceled)
	at, _ := s.Marker(1)
	require.NotZero(t, at.Seq)
	l.fail = nil
	r := restore(t, s, l)
	require.EqualValues(t, 10-at.Seq, r.Total().Deltas, "it goes on from where it was")
	requireAt(t, s, l, 1)
}

func TestOnlyClaimedShardsAreRestored(t *testing.T) {
	_, l := history(t, 2)
	s := openAt(t, vfs.NewMem())
	_, err := s.Restore(context.Background(), l, l.claim()[1:2])
	require.NoError(t, err)
	requireAt(t, s, l, 1)
	_, ok := s.Marker(0)
	require.False(t, ok)
}
