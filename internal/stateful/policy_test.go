package stateful

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func ages(n int, a Age) []Age {
	out := make([]Age, n)
	for i := range out {
		out[i] = a
		out[i].Shard = i
	}
	return out
}

// run lets time pass in steps and takes the snapshots that are due; it returns at which step each shard's were.
func run(shards []Age, start, step int64, steps int, every time.Duration) (when map[int][]int, most int) {
	when = map[int][]int{}
	for i := range steps {
		now := start + int64(i+1)*step
		due := Due(now, every, shards)
		most = max(most, len(due))
		for _, s := range due {
			when[s] = append(when[s], i)
			shards[s] = Age{Shard: s, Since: now, Deltas: 1, DeltaBytes: 1 << 20, SnapshotBytes: 1 << 20}
		}
	}
	return when, most
}

func TestEveryShardsTurnComesOnceInAPeriodAndNotAllAtOnce(t *testing.T) {
	const second = 1_000_000
	shards := ages(16, Age{Since: 1_700_000_000 * second, Deltas: 1, DeltaBytes: 100})
	when, most := run(shards, 1_700_000_000*second, second, 600, time.Minute)
	require.Equal(t, 1, most)
	require.Len(t, when, 16)
	for s, w := range when {
		require.Len(t, w, 10, "shard %d", s)
		for i := 1; i < len(w); i++ {
			require.InDelta(t, 60, w[i]-w[i-1], 1, "shard %d", s)
		}
	}
}

func TestAShardWithoutDeltasIsNotDue(t *testing.T) {
	require.Empty(t, Due(1e15, time.Minute, ages(8, Age{})))
	require.Empty(t, Due(1e15, 0, ages(8, Age{Deltas: 1})), "snapshots are off")
	require.Empty(t, Due(1e15, time.Minute, nil))
}

func TestAfterALongSilenceShardsAreDueAFewAtATimeAndTheOldestFirst(t *testing.T) {
	shards := ages(16, Age{Since: 1000, Deltas: 1})
	shards[5].Since = 10
	now := time.Hour.Microseconds()
	require.Equal(t, []int{5, 0}, Due(now, time.Minute, shards))
	seen := map[int]bool{}
	for range 8 {
		for _, s := range Due(now, time.Minute, shards) {
			require.False(t, seen[s])
			seen[s] = true
			shards[s].Since, shards[s].Deltas = now, 0
		}
	}
	require.Len(t, seen, 16)
}

func TestALargeStateWithFewChangesWaitsButNotForEver(t *testing.T) {
	a := []Age{{Shard: 3, Since: 0, Deltas: 5, DeltaBytes: 1 << 10, SnapshotBytes: 1 << 30}}
	minute := time.Minute.Microseconds()
	require.Empty(t, Due(7*minute, time.Minute, a))
	require.Equal(t, []int{3}, Due(8*minute, time.Minute, a))
	a[0].DeltaBytes = 1 << 27
	require.Equal(t, []int{3}, Due(minute, time.Minute, a))
}

func TestWhatIsDueDoesNotDependOnTheOrderAsked(t *testing.T) {
	shards := ages(64, Age{Deltas: 1})
	want := Due(1e15, time.Minute, shards)
	require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7}, want)
	slices.Reverse(shards)
	require.Equal(t, want, Due(1e15, time.Minute, shards))
}
