package demo

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/examples/flights"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startKafka is the demo's Kafka on a folder.
func startKafka(t *testing.T, dir string) *kfake.Cluster {
	t.Helper()
	k, err := newKafka(dir)
	require.NoError(t, err)
	return k
}

// smallLog has n flights, one an hour.
func smallLog(t *testing.T, n int) flightLog {
	t.Helper()
	var lines [][]byte
	for i := range n {
		at := time.Date(2001, 1, 1, i, 0, 0, 0, time.UTC)
		lines = append(lines, fmt.Appendf(nil, `{"id":%d,"date":"%s","delay":1}`, i, at.Format(time.RFC3339)))
	}
	log, err := newFlightLog(lines)
	require.NoError(t, err)
	return log
}

// read returns all values of a partition.
func read(t *testing.T, broker string, partition int32, want int) (values []string) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(broker),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	require.NoError(t, err)
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(values) < want {
		f := c.PollFetches(ctx)
		require.NoError(t, f.Err())
		f.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	return values
}

func TestEachRunGoesOnWhereTheLastOneStopped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kafka")
	log := smallLog(t, 100)
	for run := range 3 {
		k := startKafka(t, dir)
		f, err := newFeed(t.Context(), k.ListenAddrs()[0], log)
		require.NoError(t, err)
		require.EqualValues(t, 10*run, f.total())
		require.NoError(t, f.write(t.Context(), 10))
		require.EqualValues(t, 10*(run+1), f.total())
		f.close()
		k.Close()
	}
	k := startKafka(t, dir)
	defer k.Close()
	for p := range int64(partitions) {
		var want []string
		for i := p; i < 30; i += partitions {
			want = append(want, string(log.flight(i)))
		}
		require.Equal(t, want, read(t, k.ListenAddrs()[0], int32(p), len(want)))
	}
}

func TestAPartitionThatIsAheadOfTheOthersGetsNoFlightTwice(t *testing.T) {
	k := startKafka(t, filepath.Join(t.TempDir(), "kafka"))
	defer k.Close()
	log := smallLog(t, 100)
	f, err := newFeed(t.Context(), k.ListenAddrs()[0], log)
	require.NoError(t, err)
	// A run that was killed while it wrote: partition 3 has its first two flights, the others have none.
	require.NoError(t, f.client.ProduceSync(t.Context(), &kgo.Record{Partition: 3, Value: log.flight(3)}, &kgo.Record{Partition: 3, Value: log.flight(11)}).FirstErr())
	f.close()

	f, err = newFeed(t.Context(), k.ListenAddrs()[0], log)
	require.NoError(t, err)
	defer f.close()
	require.EqualValues(t, 2, f.total())
	require.NoError(t, f.write(t.Context(), 24))
	require.EqualValues(t, 24, f.total())
	require.Equal(t, []string{string(log.flight(3)), string(log.flight(11)), string(log.flight(19))}, read(t, k.ListenAddrs()[0], 3, 3))
}

func TestTheLogBeginsAgainAQuarterLater(t *testing.T) {
	lines, err := flights.Lines()
	require.NoError(t, err)
	require.Len(t, lines, 200_000)
	log, err := newFlightLog(lines)
	require.NoError(t, err)
	require.Equal(t, 0, int(log.quarter%(24*time.Hour)))
	first, err := date(log.flight(0))
	require.NoError(t, err)
	last, err := date(log.flight(199_999))
	require.NoError(t, err)
	again, err := date(log.flight(200_000))
	require.NoError(t, err)
	require.True(t, again.After(last), "%s comes after %s", again, last)
	require.Equal(t, log.quarter, again.Sub(first))
	require.Equal(t, strings.Replace(string(lines[7]), "2001-01-01", again.Format("2006-01-02"), 1), string(log.flight(200_007)),
		"nothing but the date has changed")
}

func TestAFlightWithoutADateIsSaid(t *testing.T) {
	_, err := newFlightLog([][]byte{[]byte(`{"id":1}`)})
	require.ErrorContains(t, err, "no date")
	_, err = newFlightLog(nil)
	require.ErrorContains(t, err, "there are none")
}
