package ingest

import (
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BenchmarkConsume reads b.N records of 196 bytes, lz4, from a broker in the same process that serves one canned batch; the broker's own
// time is in the figure (see -cpuprofile). BenchmarkConsumeByKgo is the same by franz-go's consumer.
func BenchmarkConsume(b *testing.B) {
	addrs := synthetic(b)
	c, err := Open(b.Context(), Config{Brokers: addrs}, slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	defer c.Close()
	topic, err := c.Topic(b.Context(), "clicks")
	require.NoError(b, err)
	k, err := c.Consume(b.Context(), []Topic{topic}, startOf(topic))
	require.NoError(b, err)
	defer k.Close()
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		chunks, err := k.Poll(b.Context(), 16<<20)
		if err != nil {
			b.Fatal(err)
		}
		for _, ch := range chunks {
			n += len(ch.Records)
			if os.Getenv("NO_RELEASE") == "" {
				ch.Release()
			}
		}
	}
}

func BenchmarkConsumeByKgo(b *testing.B) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(synthetic(b)...), kgo.ConsumeTopics("clicks"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxBytes(64<<20), kgo.FetchMaxPartitionBytes(8<<20), kgo.MaxConcurrentFetches(2))
	require.NoError(b, err)
	defer cl.Close()
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		f := cl.PollFetches(b.Context())
		f.EachPartition(func(p kgo.FetchTopicPartition) { n += len(p.Records) })
	}
}

func synthetic(b *testing.B) []string {
	k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(8, "clicks"), kfake.SyntheticFetch(kfake.SyntheticBatch{
		RecordBytes: 196, RandomFrac: 0.25, Compression: kgo.Lz4Compression()}))
	require.NoError(b, err)
	b.Cleanup(k.Close)
	return k.ListenAddrs()
}

func startOf(t Topic) (at []Assignment) {
	for _, p := range t.Partitions {
		at = append(at, Assignment{Partition: t.Partition(p), LeaderEpoch: -1})
	}
	return at
}
