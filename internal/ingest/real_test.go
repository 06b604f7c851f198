package ingest

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// real gives a client of the broker that MILLRACE_TEST_KAFKA names, a new topic "t-…" there, and a producer.
func real(t *testing.T, partitions int32, configs map[string]*string) (*Client, Topic, *kgo.Client) {
	addr := os.Getenv("MILLRACE_TEST_KAFKA")
	if addr == "" {
		t.Skip("set MILLRACE_TEST_KAFKA to a broker that may be written to")
	}
	name := fmt.Sprintf("t-%d", time.Now().UnixNano())
	p, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(name))
	require.NoError(t, err)
	t.Cleanup(p.Close)
	_, err = kadm.NewClient(p).CreateTopic(t.Context(), partitions, 1, configs, name)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = kadm.NewClient(p).DeleteTopic(t.Context(), name) })
	c, err := Open(t.Context(), Config{Brokers: []string{addr}, Limits: quick}, testLog(t))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	var topic Topic
	require.Eventually(t, func() bool { topic, err = c.Topic(t.Context(), name); return err == nil }, 5*time.Second, 50*time.Millisecond)
	return c, topic, p
}

func read(t *testing.T, c *Client, topic Topic, from map[int32]int64) *reading {
	r := &reading{t: t, next: map[int32]int64{}, end: map[int32]int64{}, values: map[int32][]string{}}
	var as []Assignment
	for p, o := range from {
		as = append(as, Assignment{Partition: topic.Partition(p), Offset: o, LeaderEpoch: -1})
		r.next[p], r.end[p] = o, -1
	}
	var err error
	r.Consumer, err = c.Consume(t.Context(), []Topic{topic}, as)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

func TestARealBrokersTransactionsAndGaps(t *testing.T) {
	c, topic, p := real(t, 2, nil)
	tx, err := kgo.NewClient(kgo.SeedBrokers(os.Getenv("MILLRACE_TEST_KAFKA")), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(topic.Name), kgo.TransactionalID(topic.Name))
	require.NoError(t, err)
	defer tx.Close()
	var want []string
	for i, codec := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
		require.NoError(t, tx.BeginTransaction())
		for j := range 50 {
			v := fmt.Sprintf("%d/%d %s", i, j, strings.Repeat("x", j))
			require.NoError(t, tx.ProduceSync(t.Context(), kgo.StringRecord(v)).FirstErr())
			if codec == kgo.TryCommit {
				want = append(want, v)
			}
		}
		require.NoError(t, tx.EndTransaction(t.Context(), codec))
		require.NoError(t, p.ProduceSync(t.Context(), kgo.StringRecord(fmt.Sprint("plain ", i))).FirstErr())
		want = append(want, fmt.Sprint("plain ", i))
	}
	require.NoError(t, tx.BeginTransaction())
	require.NoError(t, tx.ProduceSync(t.Context(), kgo.StringRecord("last")).FirstErr())
	require.NoError(t, tx.EndTransaction(t.Context(), kgo.TryAbort)) // a trailing marker
	r := read(t, c, topic, map[int32]int64{0: 0, 1: 0})
	r.caughtUp(0, 4*52+2)
	r.caughtUp(1, 0)
	require.Equal(t, want, r.values[0])

	_, err = kadm.NewClient(p).DeleteRecords(t.Context(), kadm.Offsets{topic.Name: {0: {Topic: topic.Name, Partition: 0, At: 100}}})
	require.NoError(t, err)
	require.NoError(t, r.Seek([]Assignment{{Partition: topic.Partition(0), Offset: 60, LeaderEpoch: 0}}))
	require.Equal(t, int64(60), r.halted(BelowStart).Offset)
	require.NoError(t, r.Seek([]Assignment{{Partition: topic.Partition(0), Offset: 300, LeaderEpoch: -1}}))
	r.halted(PastEnd)
	require.NoError(t, r.Seek([]Assignment{{Partition: topic.Partition(0), Offset: 300, LeaderEpoch: 0}}))
	r.halted(DataLoss) // with the epoch known it is found before anything is fetched
	require.NoError(t, r.Seek([]Assignment{{Partition: topic.Partition(0), Offset: 100, LeaderEpoch: 0}}))
	r.next[0], r.end[0] = 100, -1
	r.caughtUp(0, 4*52+2)
}

func TestARealBrokersTopicThatGrowsAndIsMadeAgain(t *testing.T) {
	c, topic, p := real(t, 1, nil)
	adm := kadm.NewClient(p)
	require.NoError(t, p.ProduceSync(t.Context(), kgo.StringRecord("a")).FirstErr())
	r := read(t, c, topic, map[int32]int64{0: 0})
	r.caughtUp(0, 1)
	_, err := adm.UpdatePartitions(t.Context(), 2, topic.Name)
	require.NoError(t, err)
	require.Equal(t, topic.Partition(1), r.halted(PartitionsChanged).Partition)
	_, err = adm.DeleteTopic(t.Context(), topic.Name)
	require.NoError(t, err)
	require.Eventually(t, func() bool { _, err := adm.CreateTopic(t.Context(), 1, 1, nil, topic.Name); return err == nil }, 5*time.Second, 20*time.Millisecond)
	require.Equal(t, topic.Partition(0), r.halted(TopicRecreated).Partition)
}

func TestARealBrokersCodecsAndCompaction(t *testing.T) {
	small := func(s string) *string { return &s }
	c, topic, _ := real(t, 1, map[string]*string{"cleanup.policy": small("compact"), "segment.ms": small("100"), "segment.bytes": small("1048576"), "min.cleanable.dirty.ratio": small("0.001"), "max.compaction.lag.ms": small("100")})
	n := 0
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		q, err := kgo.NewClient(kgo.SeedBrokers(os.Getenv("MILLRACE_TEST_KAFKA")), kgo.ProducerBatchCompression(codec), kgo.DefaultProduceTopic(topic.Name))
		require.NoError(t, err)
		for range 300 {
			q.Produce(t.Context(), &kgo.Record{Key: fmt.Append(nil, "k", n%7), Value: fmt.Append(nil, n, " ", strings.Repeat("compressible ", 20))}, nil)
			n++
		}
		require.NoError(t, q.Flush(t.Context()))
		q.Close()
		time.Sleep(200 * time.Millisecond) // a segment of its own
	}
	r := read(t, c, topic, map[int32]int64{0: 0})
	r.caughtUp(0, int64(n))
	require.Contains(t, r.values[0][len(r.values[0])-1], fmt.Sprint(n-1))
	for wait := time.Now(); len(r.values[0]) > n/2; { // until the cleaner has been there
		require.Less(t, time.Since(wait), 40*time.Second, "the broker has compacted nothing: %d records", len(r.values[0]))
		time.Sleep(time.Second)
		require.NoError(t, r.Seek([]Assignment{{Partition: topic.Partition(0), Offset: 0, LeaderEpoch: 0}}))
		r.next[0], r.end[0], r.values = 0, -1, map[int32][]string{}
		r.caughtUp(0, int64(n))
	}
	t.Logf("%d of %d records are left", len(r.values[0]), n)
}
