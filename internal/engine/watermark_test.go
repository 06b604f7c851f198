package engine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

func TestTheWatermarkWaitsForThePartitionThatIsBehind(t *testing.T) {
	a := &tide{greatest: 100, restored: batch.NoWatermark, delay: 10, patience: 5, silent: 1}
	b := &tide{greatest: 50, restored: batch.NoWatermark, delay: 10, patience: 5}
	all := map[batch.Partition]*tide{{ID: 0}: a, {ID: 1}: b}
	require.Equal(t, int64(40), watermark(batch.NoWatermark, all, 1000))
	require.Equal(t, int64(45), watermark(45, all, 1000), "it never goes back")
	b.silent = 998
	require.Equal(t, int64(40), watermark(batch.NoWatermark, all, 1000), "a is idle; b is caught up, but not for long enough")
	require.Equal(t, int64(90), watermark(batch.NoWatermark, all, 1003), "all idle: nothing that was read is still to come")
}

func TestAPartitionThatHasSeenNothingHoldsTheWatermark(t *testing.T) {
	a := &tide{greatest: 100, restored: batch.NoWatermark, delay: 10}
	b := &tide{greatest: batch.NoWatermark, restored: batch.NoWatermark, delay: 10}
	all := map[batch.Partition]*tide{{ID: 0}: a, {ID: 1}: b}
	require.Equal(t, batch.NoWatermark, watermark(batch.NoWatermark, all, 0))
}

func TestAPartitionIsIdleOnlyIfItWasReadToItsEndAndStayedSilent(t *testing.T) {
	r := &tide{patience: 10, end: -1}
	chunk := func(next, end int64, records int) *batch.Chunk {
		return &batch.Chunk{Next: next, End: end, Records: make([]batch.Record, records)}
	}
	r.caught(chunk(5, 9, 5), 100)
	require.False(t, r.idle(1_000), "there is input left, however long it takes")
	r.caught(chunk(9, 9, 4), 1_000)
	require.False(t, r.idle(1_009))
	require.True(t, r.idle(1_010))
	r.caught(chunk(10, 10, 1), 1_020)
	require.False(t, r.idle(1_029), "it has spoken")
	r.caught(chunk(10, 10, 0), 1_025)
	require.True(t, r.idle(1_030), "an empty chunk is silence")
	r.caught(chunk(10, 12, 0), 1_031)
	require.False(t, r.idle(9_999))
}
