package app

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/offsets"
	"github.com/millrace/millrace/internal/operators"
	"github.com/millrace/millrace/internal/stateful"
)

func TestEveryErrorHasTheClassThatTheLoopActsOn(t *testing.T) {
	for _, c := range []struct {
		err  error
		want batch.Class
	}{
		{offsets.ErrFenced, batch.Fenced},
		{offsets.ErrInDoubt, batch.InDoubt},
		{offsets.ErrHalfDone, batch.InDoubt},
		{offsets.ErrRolledBack, batch.Unavailable},
		{offsets.ErrSnapshotGone, batch.Unavailable},
		{stateful.ErrStoreDead, batch.Misconfigured},
		{&engine.RecordError{Err: errors.New("division by zero")}, batch.Misconfigured},
		{&operators.Fault{Err: errors.New("division by zero")}, batch.Unknown},
		{errors.New("nobody knows"), batch.Unknown},
	} {
		require.Equal(t, c.want, classify(fmt.Errorf("commit: %w", c.err)), "%v", c.err)
	}
}

func TestAClaimBecomesTheFactsThatTheMachineNeeds(t *testing.T) {
	p := batch.Partition{Topic: "t", ID: 3}
	c := &offsets.Claim{Token: batch.Token{1}, LastTime: batch.NoWatermark, Watermark: batch.NoWatermark}
	require.Equal(t, int64(0), claimed(c).Time, "no batch yet")
	c.LastTime, c.Watermark = 7, 5
	c.Partitions = map[batch.Partition]offsets.Position{p: {Next: 9, LeaderEpoch: 2, Watermark: 4}}
	facts := claimed(c)
	require.Equal(t, batch.Claimed{
		Token: batch.Token{1}, Time: 7, Watermark: 5, Positions: map[batch.Partition]batch.Position{p: {Next: 9, LeaderEpoch: 2, Watermark: 4}},
	}, facts)
}

// It is told once by the consumer, and must reach people although a seek drops what was polled.
func TestThatPartitionsWereAddedOutlivesASeek(t *testing.T) {
	p := newPoller()
	p.busy, p.cancel = true, func() {}
	p.got <- fetched{err: &ingest.Halt{Code: ingest.PartitionsChanged}}
	p.stop()
	p.stop()
	require.True(t, p.busy)
	var halt *ingest.Halt
	require.ErrorAs(t, (<-p.got).err, &halt)

	p.got <- fetched{err: &ingest.Halt{Code: ingest.BelowStart}}
	p.stop()
	require.False(t, p.busy, "what a seek undoes is dropped")
	require.Empty(t, p.got)
}

func TestWhatIsPolledBeforeASeekIsGivenBack(t *testing.T) {
	p, released := newPoller(), 0
	p.busy, p.cancel = true, func() {}
	p.got <- fetched{chunks: []batch.Chunk{{Release: func() { released++ }}, {}}}
	p.stop()
	require.Equal(t, 1, released)
}
