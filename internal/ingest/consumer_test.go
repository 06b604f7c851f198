package ingest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/plan"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestEveryRecordComesOnceAndInOrderWhateverTheCodec(t *testing.T) {
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			limits := quick
			limits.ChunkBytes, limits.PartitionBytes, limits.FetchBytes, limits.ReadyBytes = 30_000, 20_000, 50_000, 100_000
			k := start(t, 3, limits)
			p := k.producer(kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(time.Millisecond))
			want := map[int32][]string{}
			for i := range 6000 {
				part := int32(i % 3)
				v := fmt.Sprintf("%d %s", i, strings.Repeat(fmt.Sprint(i*7919), i%50))
				want[part] = append(want[part], v)
				p.Produce(t.Context(), &kgo.Record{Topic: "t", Partition: part, Value: []byte(v)}, nil)
			}
			require.NoError(t, p.Flush(t.Context()))
			r := k.consume(at(0, 0), at(1, 0), at(2, 700))
			for part := range int32(3) {
				r.caughtUp(part, 2000)
			}
			want[2] = want[2][700:]
			require.Equal(t, want, r.values)
		})
	}
}

func TestARecordComesWithAllItsParts(t *testing.T) {
	k := start(t, 1, quick)
	p := k.producer()
	when := time.UnixMilli(1767225600123)
	require.NoError(t, p.ProduceSync(t.Context(),
		&kgo.Record{Topic: "t", Key: []byte("k"), Value: []byte("v"), Timestamp: when, Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("1")}, {Key: "", Value: nil}}},
		&kgo.Record{Topic: "t", Key: nil, Value: nil, Timestamp: when}, &kgo.Record{Topic: "t", Key: []byte{}, Value: []byte{}, Timestamp: when}).FirstErr())
	c, err := k.client.Consume(t.Context(), []Topic{k.topic}, []Assignment{at(0, 0)})
	require.NoError(t, err)
	defer c.Close()
	var got []batch.Record
	for len(got) < 3 {
		chunks, err := c.Poll(t.Context(), 1<<20)
		require.NoError(t, err)
		for _, ch := range chunks {
			got = append(got, ch.Records...)
		}
	}
	require.Equal(t, []batch.Record{
		{Key: []byte("k"), Value: []byte("v"), Offset: 0, Timestamp: when.UnixMilli(), Headers: []batch.Header{{Key: "h", Value: []byte("1")}, {Key: ""}}},
		{Offset: 1, Timestamp: when.UnixMilli()}, {Key: []byte{}, Value: []byte{}, Offset: 2, Timestamp: when.UnixMilli()},
	}, got)
}

func TestRecordsOfAbortedTransactionsNeverComeAndTheirMarkersMoveThePosition(t *testing.T) {
	k := start(t, 1, quick)
	tx := k.producer(kgo.TransactionalID("x"))
	run := func(end kgo.TransactionEndTry, values ...string) {
		require.NoError(t, tx.BeginTransaction())
		put(t, tx, 0, values...)
		require.NoError(t, tx.EndTransaction(t.Context(), end))
	}
	k.put(0, "a")                          // 0
	run(kgo.TryAbort, "no1", "no2")        // 1, 2, marker 3
	run(kgo.TryCommit, "b")                // 4, marker 5
	k.put(0, "c")                          // 6
	run(kgo.TryAbort, "no3")               // 7, marker 8
	run(kgo.TryAbort, "no4", "no5", "no6") // 9..11, marker 12
	r := k.consume(at(0, 0))
	r.caughtUp(0, 13)
	require.Equal(t, []string{"a", "b", "c"}, r.values[0])

	require.NoError(t, r.Seek([]Assignment{at(0, 10)})) // in the middle of an aborted transaction
	r.next[0], r.values = 10, map[int32][]string{}
	r.caughtUp(0, 13)
	require.Empty(t, r.values[0])
}

func TestAnOpenTransactionHoldsTheEndBack(t *testing.T) {
	k := start(t, 1, quick)
	tx := k.producer(kgo.TransactionalID("x"))
	k.put(0, "a")
	require.NoError(t, tx.BeginTransaction())
	put(t, tx, 0, "b")
	k.put(0, "c")
	r := k.consume(at(0, 0))
	r.caughtUp(0, 1) // the last stable offset
	require.Equal(t, []string{"a"}, r.values[0])
	require.NoError(t, tx.EndTransaction(t.Context(), kgo.TryCommit))
	r.caughtUp(0, 4)
	require.Equal(t, []string{"a", "b", "c"}, r.values[0])
}

func TestAnEmptyPartitionIsKnownToBeCaughtUp(t *testing.T) {
	k := start(t, 2, quick)
	r := k.consume(at(0, 0), at(1, 0))
	r.caughtUp(0, 0)
	r.caughtUp(1, 0)
	require.Equal(t, Standing{Next: 0, End: 0}, r.Positions()[batch.Partition{Topic: "t", ID: 1}])
	k.put(1, "x")
	r.caughtUp(1, 1)
	require.Equal(t, Standing{Next: 1, End: 1}, r.Positions()[batch.Partition{Topic: "t", ID: 1}])
}

func TestPositionsPassOverGapsThatDeletedRecordsLeave(t *testing.T) {
	k := start(t, 1, quick)
	k.put(0, "a", "b", "c", "d")
	require.NoError(t, k.DeleteRecords("t", 0, 2))
	r := k.consume(at(0, 2))
	r.caughtUp(0, 4)
	require.Equal(t, []string{"c", "d"}, r.values[0])
}

func TestPositionsPassOverGapsThatCompactionLeaves(t *testing.T) {
	k := start(t, 1, quick)
	require.NoError(t, k.DeleteTopic("t"))
	require.NoError(t, k.CreateTopic("t", 1, map[string]string{"cleanup.policy": "compact", "segment.bytes": "200", "min.cleanable.dirty.ratio": "0", "delete.retention.ms": "0"}))
	var err error
	k.topic, err = k.client.Topic(t.Context(), "t")
	require.NoError(t, err)
	p := k.producer()
	for i := range 40 { // the first key stays: kfake moves the log's start to the first record that is left
		key := fmt.Append(nil, max(i%2, 2-2*i))
		require.NoError(t, p.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Key: key, Value: fmt.Append(nil, i, strings.Repeat(" ", 40))}).FirstErr())
	}
	k.Compact()
	r := k.consume(at(0, 0))
	r.caughtUp(0, 40)
	require.Less(t, len(r.values[0]), 40, "compaction removed nothing, the test shows nothing")
	require.Contains(t, r.values[0][len(r.values[0])-1], "39")
}

func TestSeekDropsWhatIsBufferedAndUnderWay(t *testing.T) {
	limits := quick
	limits.ChunkBytes, limits.PartitionBytes = 500, 2000
	k := start(t, 1, limits)
	var all []string
	for i := range 400 {
		all = append(all, fmt.Sprintf("record %d", i))
	}
	k.put(0, all...)
	r := k.consume(at(0, 0))
	for round := range int64(20) {
		r.until("something came", func() bool { return len(r.values[0]) > 0 })
		to := 17 * round % 400
		require.NoError(t, r.Seek([]Assignment{at(0, to)}))
		r.next[0], r.values = to, map[int32][]string{}
	}
	from := r.next[0]
	r.caughtUp(0, 400)
	require.Equal(t, all[from:], r.values[0])
}

func TestPausedPartitionsAreNotFetched(t *testing.T) {
	k := start(t, 2, quick)
	one := batch.Partition{Topic: "t", ID: 1}
	r := k.consume(at(0, 0), at(1, 0))
	r.caughtUp(0, 0)
	r.caughtUp(1, 0)
	r.Pause(one)
	r.quiet(300 * time.Millisecond) // a fetch that was under way has ended
	k.put(1, "x")
	k.put(0, "y")
	r.caughtUp(0, 1)
	r.quiet(300 * time.Millisecond)
	require.Empty(t, r.values[1])
	r.Resume(one)
	r.caughtUp(1, 1)
}

func TestDroppedPartitionsGiveNothingMore(t *testing.T) {
	k := start(t, 2, quick)
	k.put(0, "x")
	k.put(1, "y")
	r := k.consume(at(0, 0), at(1, 0))
	r.Drop(batch.Partition{Topic: "t", ID: 1})
	r.caughtUp(0, 1)
	r.quiet(200 * time.Millisecond)
	require.Empty(t, r.values[1])
	require.Len(t, r.Positions(), 1)
	require.NoError(t, r.Seek([]Assignment{at(1, 0)}))
	r.caughtUp(1, 1)
	require.Equal(t, []string{"y"}, r.values[1])
}

func TestWhatIsHeldIsBounded(t *testing.T) {
	limits := quick
	limits.ChunkBytes, limits.PartitionBytes, limits.FetchBytes, limits.QueueBytes, limits.ReadyBytes = 20_000, 20_000, 40_000, 60_000, 50_000
	k := start(t, 2, limits)
	p := k.producer(kgo.ProducerBatchMaxBytes(10_000), kgo.ProducerBatchCompression(kgo.NoCompression()))
	for i := range 4000 {
		p.Produce(t.Context(), &kgo.Record{Topic: "t", Partition: int32(i % 2), Value: []byte(strings.Repeat("x", 200))}, nil)
	}
	require.NoError(t, p.Flush(t.Context()))
	r := k.consume(at(0, 0), at(1, 0))
	time.Sleep(500 * time.Millisecond) // nobody polls
	r.mu.Lock()
	queued, ready := r.queued, r.ready
	r.mu.Unlock()
	require.Positive(t, ready)
	require.LessOrEqual(t, ready, limits.ReadyBytes+2*2*limits.ChunkBytes) // each decoder may finish one chunk, and a chunk its batch
	require.LessOrEqual(t, queued, limits.QueueBytes+int64(limits.FetchBytes))
	r.caughtUp(0, 2000)
	r.caughtUp(1, 2000)
	require.Len(t, r.values[0], 2000)
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Zero(t, r.queued)
	require.Zero(t, r.ready)
}

func TestPollGivesNoMoreThanAskedFor(t *testing.T) {
	limits := quick
	limits.ChunkBytes = 1000
	k := start(t, 1, limits)
	p := k.producer(kgo.ProducerBatchMaxBytes(1000), kgo.ProducerBatchCompression(kgo.NoCompression()))
	for range 200 {
		p.Produce(t.Context(), &kgo.Record{Topic: "t", Value: []byte(strings.Repeat("x", 100))}, nil)
	}
	require.NoError(t, p.Flush(t.Context()))
	r := k.consume(at(0, 0))
	time.Sleep(300 * time.Millisecond)
	for r.next[0] < 200 {
		chunks, err := r.Poll(t.Context(), 5000)
		require.NoError(t, err)
		var sum int64
		for _, c := range chunks {
			sum += c.Bytes
			r.keep(c)
		}
		require.True(t, sum <= 5000 || len(chunks) == 1)
	}
}

func TestPollEndsWithItsContextAndWithClose(t *testing.T) {
	k := start(t, 1, quick)
	r := k.consume(at(0, 0))
	r.caughtUp(0, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := r.Poll(ctx, 1)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	go func() {
		time.Sleep(50 * time.Millisecond)
		r.Close()
	}()
	_, err = r.Poll(t.Context(), 1)
	require.ErrorIs(t, err, ErrClosed)
}

func TestPlacesThatAreNoneAreRefused(t *testing.T) {
	k := start(t, 1, quick)
	for _, a := range []Assignment{at(1, 0), at(0, -1), {Partition: batch.Partition{Topic: "other"}}} {
		_, err := k.client.Consume(t.Context(), []Topic{k.topic}, []Assignment{a})
		require.Error(t, err)
	}
}

func TestStartsBecomeNumbers(t *testing.T) {
	k := start(t, 2, quick)
	p := k.producer()
	for i := range 5 {
		require.NoError(t, p.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Partition: 0, Value: []byte("x"), Timestamp: time.UnixMilli(int64(1000 * (i + 1)))}).FirstErr())
	}
	require.NoError(t, k.DeleteRecords("t", 0, 1))
	tx := k.producer(kgo.TransactionalID("x"))
	require.NoError(t, tx.BeginTransaction())
	require.NoError(t, tx.ProduceSync(t.Context(), &kgo.Record{Topic: "t", Partition: 0, Value: []byte("open"), Timestamp: time.UnixMilli(6000)}).FirstErr())
	for want, s := range map[int64]plan.Start{1: {Kind: plan.Earliest}, 5: {Kind: plan.Latest}, 3: {Kind: plan.AtTime, Time: time.UnixMilli(3500)}} {
		got, err := k.client.Resolve(t.Context(), k.topic, s)
		require.NoError(t, err)
		require.Equal(t, map[int32]int64{0: want, 1: 0}, got, "%+v", s)
	}
	got, err := k.client.Resolve(t.Context(), k.topic, plan.Start{Kind: plan.AtTime, Time: time.UnixMilli(99000)})
	require.NoError(t, err)
	require.Equal(t, map[int32]int64{0: 5, 1: 0}, got)
	require.NoError(t, tx.EndTransaction(t.Context(), kgo.TryAbort))
}
