package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/batch"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafka is a broker in this process with one topic "t", and a client of ours.
type kafka struct {
	*kfake.Cluster
	t        testing.TB
	client   *Client
	topic    Topic
	produced *kgo.Client
}

// quick are limits that make tests short.
var quick = Limits{FetchWait: 100 * time.Millisecond, MetadataAge: 200 * time.Millisecond, MissingGrace: 500 * time.Millisecond, Decoders: 2}

func start(t testing.TB, partitions int32, limits Limits, opts ...kfake.Opt) *kafka {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(partitions, "t")}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	k := &kafka{Cluster: c, t: t}
	k.client, err = Open(t.Context(), Config{Brokers: c.ListenAddrs(), Limits: limits}, testLog(t))
	require.NoError(t, err)
	t.Cleanup(k.client.Close)
	k.topic, err = k.client.Topic(t.Context(), "t")
	require.NoError(t, err)
	return k
}

func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// producer gives a client that writes; it is closed with the test.
func (k *kafka) producer(opts ...kgo.Opt) *kgo.Client {
	p, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(k.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableClientMetrics()}, opts...)...)
	require.NoError(k.t, err)
	k.t.Cleanup(p.Close)
	return p
}

// put writes values to a partition and waits.
func (k *kafka) put(partition int32, values ...string) {
	k.t.Helper()
	if k.produced == nil {
		k.produced = k.producer()
	}
	put(k.t, k.produced, partition, values...)
}

func put(t testing.TB, p *kgo.Client, partition int32, values ...string) {
	t.Helper()
	for _, v := range values {
		require.NoError(t, p.ProduceSync(context.Background(), &kgo.Record{Topic: "t", Partition: partition, Value: []byte(v)}).FirstErr())
	}
}

func at(partition int32, offset int64) Assignment {
	return Assignment{Partition: batch.Partition{Topic: "t", ID: partition}, Offset: offset, LeaderEpoch: -1}
}

func (k *kafka) consume(as ...Assignment) *reading {
	k.t.Helper()
	c, err := k.client.Consume(k.t.Context(), []Topic{k.topic}, as)
	require.NoError(k.t, err)
	r := &reading{Consumer: c, t: k.t, next: map[int32]int64{}, end: map[int32]int64{}, values: map[int32][]string{}}
	for _, a := range as {
		r.next[a.Partition.ID], r.end[a.Partition.ID] = a.Offset, -1
	}
	k.t.Cleanup(c.Close)
	return r
}

// reading polls, checks that chunks tile (G2), and keeps what came.
type reading struct {
	*Consumer
	t      testing.TB
	next   map[int32]int64
	end    map[int32]int64
	values map[int32][]string
	halts  []*Halt
}

// until polls until done says so, and fails the test if that takes too long.
func (r *reading) until(what string, done func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 15*time.Second)
	defer cancel()
	for !done() {
		chunks, err := r.Poll(ctx, 1<<20)
		var h *Halt
		if errors.As(err, &h) {
			r.halts = append(r.halts, h)
			continue
		}
		require.NoError(r.t, err, "waiting until %s: next %v, end %v, halts %v, health %v", what, r.next, r.end, r.halts, r.Health())
		for _, c := range chunks {
			r.keep(c)
		}
	}
}

func (r *reading) keep(c batch.Chunk) {
	id := c.Partition.ID
	require.Equal(r.t, r.next[id], c.From, "G2: chunk of %s", c.Partition)
	require.GreaterOrEqual(r.t, c.Next, c.From)
	require.GreaterOrEqual(r.t, c.End, c.Next)
	at := c.From
	for _, rec := range c.Records {
		require.GreaterOrEqual(r.t, rec.Offset, at)
		require.Less(r.t, rec.Offset, c.Next)
		at = rec.Offset + 1
		r.values[id] = append(r.values[id], string(bytes.Clone(rec.Value)))
	}
	r.next[id], r.end[id] = c.Next, c.End
	if c.Release != nil {
		c.Release()
		c.Release() // a second time does nothing
	}
}

// caughtUp waits until a partition's position is at its end, which is this.
func (r *reading) caughtUp(partition int32, end int64) {
	r.t.Helper()
	r.until(fmt.Sprintf("partition %d is caught up at %d", partition, end), func() bool { return r.next[partition] == end && r.end[partition] == end })
}

// halted waits for the next halt.
func (r *reading) halted(code Code) *Halt {
	r.t.Helper()
	n := len(r.halts)
	r.until("halt "+string(code), func() bool { return len(r.halts) > n })
	h := r.halts[n]
	require.Equal(r.t, code, h.Code, h.Error())
	require.NotEmpty(r.t, h.Cure)
	return h
}

// quiet checks that nothing comes for a while.
func (r *reading) quiet(d time.Duration) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), d)
	defer cancel()
	for {
		chunks, err := r.Poll(ctx, 1<<20)
		if errors.Is(err, context.DeadlineExceeded) {
			return
		}
		require.NoError(r.t, err)
		for _, c := range chunks {
			require.Empty(r.t, c.Records, "%s", c.Partition)
			r.keep(c)
		}
	}
}
