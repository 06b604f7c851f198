package batch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// started gives a machine that owns partition t/0 from offset 0.
func started(t *testing.T) (*Machine, Partition) {
	t.Helper()
	m := NewMachine(Pace{Interval: second}, Caps{Records: 10, Bytes: 1 << 20})
	p := Partition{Topic: "t"}
	m.Begin()
	m.OnClaimed(Claimed{Positions: map[Partition]Position{p: {}}})
	require.Empty(t, m.OnRestored())
	return m, p
}

func TestALeaderEpochOutlivesAChunkWithoutRecords(t *testing.T) {
	m, p := started(t)
	m.OnFetched(&Chunk{Partition: p, Next: 3, LeaderEpoch: 0, Records: make([]Record, 3)}, second)
	m.OnFetched(&Chunk{Partition: p, From: 3, Next: 4, LeaderEpoch: -1}, second)
	steps := m.OnTick(2*second, false)
	require.Equal(t, []Do{Compute{Ranges: []Moved{{Range: Range{Partition: p, Until: 4}, LeaderEpoch: 0, Watermark: NoWatermark}}}}, steps)
}

func TestAHaltedPartitionIsTriedAgainAfterAClaim(t *testing.T) {
	m, p := started(t)
	m.OnHalted(p)
	require.Empty(t, m.OnFetched(&Chunk{Partition: p, Next: 3, Records: make([]Record, 3)}, second))
	m.OnFailed(Unavailable, errFencedHere)
	m.OnWoken()
	m.OnClaimed(Claimed{Positions: map[Partition]Position{p: {}}})
	m.OnRestored()
	require.Len(t, m.OnFetched(&Chunk{Partition: p, Next: 3, Records: make([]Record, 3)}, second), 2)
}

func TestADrainHasOneMoreTryHoweverManyFailedBefore(t *testing.T) {
	m, p := started(t)
	for range 3 {
		m.OnFailed(Unavailable, errFencedHere)
		m.OnWoken()
		m.OnClaimed(Claimed{Positions: map[Partition]Position{p: {}}})
		m.OnRestored()
	}
	m.OnFetched(&Chunk{Partition: p, Next: 3, Records: make([]Record, 3)}, second)
	m.OnDrain()
	m.OnComputed(&Batch{ID: Token{1}, Partitions: []Moved{{Range: Range{Partition: p, Until: 3}}}})
	require.IsType(t, Wait{}, m.OnFailed(Unavailable, errFencedHere)[1])
	m.OnWoken()
	m.OnClaimed(Claimed{Positions: map[Partition]Position{p: {}}})
	require.Equal(t, []Do{End{}}, m.OnRestored())
}

func TestADrainWhileAServerIsAwayEndsAtOnce(t *testing.T) {
	m, _ := started(t)
	m.OnFailed(Unavailable, errFencedHere)
	require.Equal(t, []Do{Forget{}, End{}}, m.OnDrain())
	require.Empty(t, m.OnWoken())
}

func TestAvailableNowEndsWhenOnlyAHaltedPartitionIsLeftAndSaysSo(t *testing.T) {
	m := NewMachine(Pace{Interval: second}, Caps{Records: 10, Bytes: 1 << 20})
	p, q := Partition{Topic: "t"}, Partition{Topic: "t", ID: 1}
	m.EndAt(map[Partition]int64{p: 3, q: 5})
	m.Begin()
	m.OnClaimed(Claimed{Positions: map[Partition]Position{p: {}, q: {}}})
	m.OnRestored()
	steps := m.OnFetched(&Chunk{Partition: p, Next: 3, Records: make([]Record, 3)}, second)
	require.Len(t, steps, 2)
	require.Empty(t, m.OnHalted(q), "a batch is open")
	require.False(t, m.WantsInput())
	steps = m.OnTick(2*second, false)
	b := &Batch{ID: Token{1}, Partitions: steps[0].(Compute).Ranges}
	m.OnComputed(b)
	steps = m.OnCommitted()
	require.Len(t, steps, 2)
	require.ErrorContains(t, steps[1].(End).Err, "t/1 is halted at offset 0 with input up to 5")
}

func TestABatchThatHasGrownPastItsCapIsCutBeforeItsInterval(t *testing.T) {
	m, p := started(t)
	require.Empty(t, m.OnGrown(1<<30), "no batch is open")
	m.OnFetched(&Chunk{Partition: p, Next: 3, Records: make([]Record, 3)}, second)
	require.Empty(t, m.OnGrown(1<<20-1))
	require.IsType(t, Compute{}, m.OnGrown(1 << 20)[0])
}

func TestABatchThatTurnsOutEmptyEndsNothing(t *testing.T) {
	m, p := started(t)
	steps := m.OnTick(3*second, true)
	require.Equal(t, []Do{Open{Time: 3 * second}, Compute{Ranges: []Moved{}}}, steps)
	require.Empty(t, m.OnComputed(nil))
	require.True(t, m.WantsInput())
	require.Equal(t, Open{Time: 5 * second}, m.OnFetched(&Chunk{Partition: p, Next: 1, Records: make([]Record, 1)}, 4*second)[0])
}
