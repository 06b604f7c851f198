package batch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheHalvesOfAChunkTile(t *testing.T) {
	released := 0
	c := Chunk{From: 10, Next: 20, End: 30, Bytes: 90, Release: func() { released++ }}
	for _, offset := range []int64{11, 12, 17} { // gaps: compaction, control records
		c.Records = append(c.Records, Record{Offset: offset})
	}
	head, tail := c.Split(2)
	require.Equal(t, [2]int64{10, 17}, [2]int64{head.From, head.Next})
	require.Equal(t, [2]int64{17, 20}, [2]int64{tail.From, tail.Next})
	require.Len(t, head.Records, 2)
	require.Len(t, tail.Records, 1)
	require.Equal(t, c.Bytes, head.Bytes+tail.Bytes)
	head.Done()
	require.Zero(t, released, "the tail still points into the memory")
	tail.Done()
	require.Equal(t, 1, released)
}
