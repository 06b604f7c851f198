package ingest

import (
	"testing"
	"time"

	"github.com/millrace/millrace/internal/batch"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestAPositionBelowTheLogsStartHalts(t *testing.T) {
	k := start(t, 2, quick)
	k.put(0, "a", "b", "c")
	k.put(1, "x")
	require.NoError(t, k.DeleteRecords("t", 0, 2))
	r := k.consume(at(0, 1), at(1, 0))
	h := r.halted(BelowStart)
	require.Equal(t, batch.Partition{Topic: "t", ID: 0}, h.Partition)
	require.Equal(t, int64(1), h.Offset)
	require.Contains(t, h.Msg, "the log starts at 2: 1 offsets were removed")
	r.caughtUp(1, 1) // the other goes on
	require.True(t, r.Positions()[h.Partition].Halted)
	require.Empty(t, r.values[0])

	require.NoError(t, r.Seek([]Assignment{at(0, 2)})) // what an operator does about it
	r.next[0] = 2
	r.caughtUp(0, 3)
	require.Equal(t, []string{"c"}, r.values[0])
}

func TestAPositionPastTheLogsEndHalts(t *testing.T) {
	k := start(t, 1, quick)
	k.put(0, "a", "b")
	r := k.consume(at(0, 9))
	h := r.halted(PastEnd)
	require.Equal(t, int64(9), h.Offset)
	r.quiet(200 * time.Millisecond)
}

func TestAPositionThatIsInRangeIsTriedOnceMoreWithoutItsEpoch(t *testing.T) {
	k := start(t, 1, quick)
	k.put(0, "a", "b")
	k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.OffsetOutOfRange, Count: 1})
	r := k.consume(at(0, 0))
	r.caughtUp(0, 2)
	require.Empty(t, r.halts)

	k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.OffsetOutOfRange, Count: -1})
	require.Contains(t, r.halted(OutOfRange).Msg, "[0, 2)")
}

// A truncation: the leader's epoch moves on, and its log says that the epoch which was read ends below the position.
func TestATruncatedLogHalts(t *testing.T) {
	for name, seek := range map[string]func(*kafka) *reading{
		"WhileConsuming": func(k *kafka) *reading {
			r := k.consume(at(0, 0), at(1, 0))
			r.caughtUp(0, 4)
			return r
		},
		"BetweenTwoRuns": func(k *kafka) *reading {
			a := at(0, 4)
			a.LeaderEpoch = 0
			return k.consume(a, at(1, 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := start(t, 2, quick, kfake.NumBrokers(2))
			require.NoError(t, k.MoveTopicPartition("t", 0, 0))
			k.put(0, "a", "b", "c", "d")
			k.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(req kmsg.Request) (kmsg.Response, error, bool) {
				k.KeepControl()
				return truncatedAt(req.(*kmsg.OffsetForLeaderEpochRequest), 2), nil, true
			})
			r := seek(k)
			require.NoError(t, k.MoveTopicPartition("t", 0, 1))
			k.put(0, "e")
			h := r.halted(DataLoss)
			require.Equal(t, int64(4), h.Offset)
			require.Contains(t, h.Msg, "ends at 2")
			r.quiet(200 * time.Millisecond)
			require.NotContains(t, r.values[0], "e")
			k.put(1, "x")
			r.caughtUp(1, 1)
		})
	}
}

func truncatedAt(req *kmsg.OffsetForLeaderEpochRequest, end int64) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewOffsetForLeaderEpochResponseTopic()
		rt.Topic = t.Topic
		for _, p := range t.Partitions {
			rp := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			rp.Partition, rp.LeaderEpoch, rp.EndOffset = p.Partition, 0, end
			rt.Partitions = append(rt.Partitions, rp)
		}
		resp.Topics = append(resp.Topics, rt)
	}
	return resp
}

func TestADivergingFetchHalts(t *testing.T) {
	k := start(t, 1, quick)
	k.put(0, "a")
	r := k.consume(at(0, 0))
	r.caughtUp(0, 1)
	k.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		rt := kmsg.NewFetchResponseTopic()
		rt.Topic, rt.TopicID = "t", k.topic.ID
		rp := kmsg.NewFetchResponseTopicPartition()
		rp.DivergingEpoch.Epoch, rp.DivergingEpoch.EndOffset = 0, 0
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	r.halted(DataLoss)
}

func TestATopicThatIsMadeAgainHalts(t *testing.T) {
	k := start(t, 2, quick)
	k.put(0, "a", "b")
	r := k.consume(at(0, 0), at(1, 0))
	r.caughtUp(0, 2)
	r.caughtUp(1, 0)
	require.NoError(t, k.DeleteTopic("t"))
	require.NoError(t, k.CreateTopic("t", 2, nil))
	for range 2 {
		r.halted(TopicRecreated)
	}
	k.producer().ProduceSync(t.Context(), &kgo.Record{Topic: "t", Value: []byte("other")})
	r.quiet(300 * time.Millisecond)
	require.Equal(t, []string{"a", "b"}, r.values[0])
}

func TestATopicThatIsDeletedHaltsAfterAWhile(t *testing.T) {
	k := start(t, 1, quick)
	k.put(0, "a")
	r := k.consume(at(0, 0))
	r.caughtUp(0, 1)
	require.NoError(t, k.DeleteTopic("t"))
	began := time.Now()
	r.halted(TopicDeleted)
	require.GreaterOrEqual(t, time.Since(began), quick.MissingGrace)
	require.NoError(t, r.Health().Err)
}

func TestPartitionsThatAreAddedAreTold(t *testing.T) {
	k := start(t, 2, quick)
	k.put(0, "a")
	r := k.consume(at(0, 0))
	r.caughtUp(0, 1)
	_, err := kadm.NewClient(k.producer()).UpdatePartitions(t.Context(), 4, "t")
	require.NoError(t, err)
	require.Equal(t, int32(2), r.halted(PartitionsChanged).Partition.ID)
	require.Equal(t, int32(3), r.halted(PartitionsChanged).Partition.ID)
	k.put(0, "b")
	r.caughtUp(0, 2)
	r.quiet(500 * time.Millisecond) // told once
}

func TestABatchThatIsHurtOnItsWayIsFetchedAgain(t *testing.T) {
	k := start(t, 1, quick)
	k.put(0, "a", "b", "c")
	hurt := 1
	tamper(k, &hurt)
	r := k.consume(at(0, 0))
	r.caughtUp(0, 3)
	require.Equal(t, []string{"a", "b", "c"}, r.values[0])
	require.Equal(t, -1, hurt, "nothing was hurt, the test shows nothing")
}

func TestABatchThatStaysBadHaltsAfterAllBeforeIt(t *testing.T) {
	k := start(t, 1, quick)
	k.put(0, "a", "b", "c")
	hurt := 1 << 30
	tamper(k, &hurt)
	r := k.consume(at(0, 0))
	h := r.halted(CorruptBatch)
	require.Equal(t, int64(2), h.Offset)
	require.Equal(t, []string{"a", "b"}, r.values[0])
	require.NoError(t, r.Seek([]Assignment{at(0, 3)}))
	r.next[0] = 3
	k.put(0, "d")
	r.until("d has come", func() bool { return len(r.values[0]) == 3 })
}

// tamper flips a bit of the batch with offset 2 in the next so many answers that have it.
func tamper(k *kafka, times *int) {
	k.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		f := req.(*kmsg.FetchRequest)
		if len(f.Topics) == 0 || *times < 0 {
			return nil, nil, false
		}
		from := f.Topics[0].Partitions[0].FetchOffset
		if from > 2 {
			return nil, nil, false
		}
		if *times--; *times < 0 {
			return nil, nil, false
		}
		return stored(k, f, from), nil, true
	})
}

// stored builds an answer of the three batches "a", "b", "c" from an offset on, the last one hurt.
func stored(k *kafka, f *kmsg.FetchRequest, from int64) kmsg.Response {
	resp := f.ResponseKind().(*kmsg.FetchResponse)
	rt := kmsg.NewFetchResponseTopic()
	rt.Topic, rt.TopicID = "t", k.topic.ID
	rp := kmsg.NewFetchResponseTopicPartition()
	rp.HighWatermark, rp.LastStableOffset = 3, 3
	for o := from; o < 3; o++ {
		b := batchOf(o, []byte{byte('a' + o)})
		if o == 2 {
			b[len(b)-2] ^= 1
		}
		rp.RecordBatches = append(rp.RecordBatches, b...)
	}
	rt.Partitions = append(rt.Partitions, rp)
	resp.Topics = append(resp.Topics, rt)
	return resp
}

func TestABatchThatUnpacksToTooMuchHalts(t *testing.T) {
	for name, codec := range map[string]kgo.CompressionCodec{"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()} {
		t.Run(name, func(t *testing.T) {
			limits := quick
			limits.BatchBytes = 100_000
			k := start(t, 1, limits)
			p := k.producer(kgo.ProducerBatchCompression(codec))
			put(t, p, 0, "fits")
			put(t, p, 0, string(make([]byte, 200_000)))
			r := k.consume(at(0, 0))
			h := r.halted(BatchTooLarge)
			require.Equal(t, int64(1), h.Offset)
			require.Equal(t, []string{"fits"}, r.values[0])
		})
	}
}

func TestABrokerThatIsAwayIsWaitedFor(t *testing.T) {
	var g gate
	k := start(t, 1, quick, kfake.ListenFn(g.listen))
	k.put(0, "a")
	r := k.consume(at(0, 0))
	r.caughtUp(0, 1)
	g.set(true)
	require.Eventually(t, func() bool { return r.Health().Err != nil }, 10*time.Second, 10*time.Millisecond)
	require.WithinDuration(t, time.Now(), r.Health().Since, 5*time.Second)
	r.quiet(300 * time.Millisecond)
	g.set(false)
	k.put(0, "b")
	r.caughtUp(0, 2)
	require.Equal(t, []string{"a", "b"}, r.values[0])
	require.Eventually(t, func() bool { return r.Health().Err == nil }, 10*time.Second, 10*time.Millisecond)
	require.Empty(t, r.halts)
}

func TestALeaderThatMovesIsFollowed(t *testing.T) {
	k := start(t, 1, quick, kfake.NumBrokers(3))
	r := k.consume(at(0, 0))
	for i, node := range []int32{0, 1, 2, 0, 2} {
		require.NoError(t, k.MoveTopicPartition("t", 0, node))
		k.put(0, "x")
		r.until("it has come", func() bool { return len(r.values[0]) == i+1 })
	}
	require.Empty(t, r.halts)
}

func TestMissingRightsAreToldAndWaitedFor(t *testing.T) {
	k := start(t, 1, quick)
	k.put(0, "a")
	f := k.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	r := k.consume(at(0, 0))
	require.Eventually(t, func() bool { return r.Health().Err != nil }, 10*time.Second, 10*time.Millisecond)
	require.ErrorContains(t, r.Health().Err, "the client needs READ on the topic")
	f.Remove()
	r.caughtUp(0, 1)
	require.NoError(t, r.Health().Err)
	require.Empty(t, r.halts)
}
