package offsets

import (
	"context"
	"math"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

func TestTheFirstClaimMakesTheRowsAtTheirStart(t *testing.T) {
	l, _ := newLedger(t)
	req := request("a", 2, 3)
	req.Partitions[1].Start = 0
	c, err := l.Claim(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, map[batch.Partition]Position{
		{Topic: "flights", ID: 0}: {Next: 100, LeaderEpoch: -1, Watermark: batch.NoWatermark, Epoch: 1},
		{Topic: "flights", ID: 1}: {Next: 0, LeaderEpoch: -1, Watermark: batch.NoWatermark, Epoch: 1},
	}, c.Partitions)
	require.Equal(t, []Head{{Shard: 0, Epoch: 1}, {Shard: 1, Epoch: 1}, {Shard: 2, Epoch: 1}}, c.Heads)
	require.Equal(t, []Holder{{Instance: "", Partitions: 2, Shards: 3}}, c.Previous)
	require.EqualValues(t, 1, c.Epoch)
	require.EqualValues(t, 1, c.PlanVersion)
	require.True(t, c.NewPlan)
	require.Equal(t, batch.NoWatermark, c.LastTime)
	require.Zero(t, c.LastCommit)
}

func TestALaterClaimKeepsThePositionAndNamesTheFormerOwner(t *testing.T) {
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	require.NoError(t, w.commit(batch.ExactlyOnce, w.batch()))
	req := request("b", 3, 3) // a partition more
	for i := range req.Partitions {
		req.Partitions[i].Start = 7
	}
	c, err := l.Claim(t.Context(), req)
	require.NoError(t, err)
	require.EqualValues(t, 110, c.Partitions[batch.Partition{Topic: "flights", ID: 1}].Next, "start is for new partitions only")
	require.EqualValues(t, 7, c.Partitions[batch.Partition{Topic: "flights", ID: 2}].Next)
	require.False(t, c.NewPlan)
	require.Len(t, c.Previous, 2)
	require.Equal(t, "a", c.Previous[1].Instance)
	require.Equal(t, [2]int{2, 3}, [2]int{c.Previous[1].Partitions, c.Previous[1].Shards})
	require.False(t, c.Previous[1].Since.IsZero())
	require.Equal(t, 3, get[int](t, l, `SELECT min(topic_partitions) FROM @.partitions`))
}

func TestAClaimWritesWhoseTokensItReplaced(t *testing.T) {
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	b := w.batch()
	require.NoError(t, w.commit(batch.ExactlyOnce, b))
	next := claim(t, l, "b")
	require.Equal(t, 5, get[int](t, l, `SELECT count(*)::int FROM @.claims, jsonb_to_recordset(replaced) r (token uuid)
		WHERE claims.token = $1 AND r.token = $2`, uuid(next.c.Token), uuid(b.ID)))
}

func TestAClaimThatDoesNotFitIsRefusedAndWritesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ClaimRequest)
		want   any
		says   string
	}{
		"another signature": {func(r *ClaimRequest) {
			r.PlanHash, r.Signatures = "plan 2", map[string]string{"late.updateStateByKey": "updateStateByKey key(city text) count(*)"}
		}, new(*PlanMismatch), `operator late.updateStateByKey: kept state is "updateStateByKey key(origin text) count(*)"`},
		"an operator less": {func(r *ClaimRequest) { r.PlanHash, r.Signatures = "plan 2", nil }, new(*PlanMismatch), "no longer in the plan"},
		"other shards":     {func(r *ClaimRequest) { r.PlanHash, r.Shards = "plan 2", 4 }, new(*ShardsChanged), "in 3 shards, the plan has 4"},
		"another topic":    {func(r *ClaimRequest) { r.Partitions[1].TopicID = [16]byte{8} }, new(*TopicRecreated), "flights/1 was recreated"},
		"pinned partitions": {func(r *ClaimRequest) {
			r.PinPartitions = true
			r.Partitions[0].TopicPartitions, r.Partitions[1].TopicPartitions = 4, 4
		}, new(*PartitionsChanged), "had 2 partitions and has 4"},
		"no start": {func(r *ClaimRequest) {
			r.Partitions = append(r.Partitions, Wanted{Partition: batch.Partition{Topic: "flights", ID: 2}, Start: -1})
		}, nil, "flights/2"},
		"a partition twice": {func(r *ClaimRequest) { r.Partitions = append(r.Partitions, r.Partitions[0]) }, nil, "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := newLedger(t)
			claim(t, l, "a")
			before := state(t, l)
			req := request("b", 2, 3)
			c.change(&req)
			_, err := l.Claim(t.Context(), req)
			require.ErrorContains(t, err, c.says)
			if c.want != nil {
				require.ErrorAs(t, err, c.want)
				require.Equal(t, Misconfigured, Classify(err))
			}
			require.Equal(t, before, state(t, l))
			require.EqualValues(t, 1, get[int64](t, l, `SELECT plan_version FROM @.pipelines`))
		})
	}
}

func TestAPlanThatFitsIsANewVersionAndAPipelineMayGetState(t *testing.T) {
	l, _ := newLedger(t)
	req := request("a", 1, 0)
	c, err := l.Claim(t.Context(), req)
	require.NoError(t, err)
	require.Empty(t, c.Heads)
	req = request("a", 1, 8)
	c, err = l.Claim(t.Context(), req)
	require.NoError(t, err)
	require.EqualValues(t, 2, c.PlanVersion)
	require.Len(t, c.Heads, 8)
}

func TestAnUnknownTopicIdIsNotCompared(t *testing.T) {
	l, _ := newLedger(t)
	req := request("a", 1, 0)
	req.Partitions[0].TopicID = [16]byte{}
	_, err := l.Claim(t.Context(), req)
	require.NoError(t, err)
	req = request("b", 1, 0)
	_, err = l.Claim(t.Context(), req)
	require.NoError(t, err, "the id becomes known")
	req = request("c", 1, 0)
	req.Partitions[0].TopicID = [16]byte{8}
	_, err = l.Claim(t.Context(), req)
	require.ErrorAs(t, err, new(*TopicRecreated))
}

func TestClaimsAtOnceLeaveOneOwner(t *testing.T) {
	l, _ := newLedger(t)
	var (
		all     sync.WaitGroup
		workers [8]*worker
	)
	for i := range workers {
		all.Go(func() { workers[i], _ = tryClaim(l, request(string(rune('a'+i)), 2, 3)) })
	}
	all.Wait()
	won := 0
	for _, w := range workers {
		require.NotNil(t, w)
		if w.commit(batch.ExactlyOnce, w.batch()) == nil {
			won++
		}
	}
	require.Equal(t, 1, won)
	require.EqualValues(t, 8, get[int64](t, l, `SELECT epoch FROM @.pipelines`))
}

func TestWithAtLeastOnceAHeadMayBeNewerThanTheJournal(t *testing.T) {
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	b := w.batch()
	a := newAttempt(l, batch.AtLeastOnce, w.c, b, nil)
	for i, step := range a.order[:4] {
		require.NoError(t, a.do(context.Background(), step, a.order[i:]))
	}
	again := claim(t, l, "a")
	require.Zero(t, again.c.LastCommit, "the journal is written with the offsets")
	require.Equal(t, b.Time, again.c.LastTime, "and yet batch time does not come twice")
	require.Equal(t, b.ID, again.c.Heads[0].ID)
}

func TestComparePlansSaysWhatBecomesOfEachOperator(t *testing.T) {
	require.Equal(t, []Change{
		{"changed", "1", "2", Changed}, {"gone", "1", "", Gone}, {"kept", "1", "1", Kept}, {"new", "", "1", Fresh},
	}, ComparePlans(map[string]string{"kept": "1", "changed": "1", "gone": "1"}, map[string]string{"kept": "1", "changed": "2", "new": "1"}))
}

func TestTimesSurviveTheirWayThroughPostgres(t *testing.T) {
	l, _ := newLedger(t)
	for want, given := range map[int64]int64{
		0: 0, 1: 1, -1: -1, 1_700_000_000_123_456: 1_700_000_000_123_456, batch.NoWatermark: batch.NoWatermark, math.MaxInt64: math.MaxInt64,
		earliest: earliest,
	} {
		require.Equal(t, want, micros(get[pgtype.Timestamptz](t, l, `SELECT $1::timestamptz`, timestamp(given))))
	}
	require.Equal(t, batch.NoWatermark, micros(get[pgtype.Timestamptz](t, l, `SELECT $1::timestamptz`, timestamp(earliest-1))))
}

func TestARenewedClaimTakesNothingFromWhoeverClaimedInBetween(t *testing.T) {
	l, _ := newLedger(t)
	first, err := l.Claim(t.Context(), request("a", 2, 3))
	require.NoError(t, err)

	again := request("a", 2, 3)
	again.After = first
	second, err := l.Claim(t.Context(), again)
	require.NoError(t, err, "nobody has claimed since")

	rival, err := l.Claim(t.Context(), request("a", 2, 3)) // another process under the same name
	require.NoError(t, err)
	late := request("a", 2, 3)
	late.After = second
	_, err = l.Claim(t.Context(), late)
	require.ErrorIs(t, err, ErrFenced)
	require.Equal(t, Fenced, Classify(err))

	doubtful := request("a", 2, 3)
	doubtful.After, doubtful.Tried = second, []batch.Token{rival.Token} // the outcome of that claim was not known: it was ours
	_, err = l.Claim(t.Context(), doubtful)
	require.NoError(t, err)
}
