package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/pipeline"
	"github.com/millrace/millrace/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// world is what a run meets: a broker with the topic numbers (two partitions), and an empty database behind a proxy.
type world struct {
	t      *testing.T
	kafka  *kgo.Client
	broker string
	direct string // the database without the proxy
	proxy  *testkit.Proxy
}

// sums counts and adds numbers by their last digit. A record that is no number stops it.
const sums = `
pipeline: sums
interval: %s
delivery: %s
shards: 4
sources:
  numbers:
    kafka: {topic: numbers}
    format: text
    on_error: stop
streams:
  s:
    from: numbers
    steps:
      - updateStateByKey:
          key: [digit: "mod(value::int, 10)"]
          values: {n: count(*)}
sinks:
  - from: s
    postgres: {table: public.digits, mode: upsert, key: [digit], create: true}
`

func newWorld(t *testing.T) *world {
	t.Helper()
	k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "numbers"))
	require.NoError(t, err)
	t.Cleanup(k.Close)
	w := &world{t: t, broker: k.ListenAddrs()[0], direct: testkit.Postgres(t)}
	u, err := url.Parse(w.direct)
	require.NoError(t, err)
	w.proxy = testkit.NewProxy(t, u.Host)
	w.kafka, err = kgo.NewClient(kgo.SeedBrokers(w.broker), kgo.DefaultProduceTopic("numbers"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	t.Cleanup(w.kafka.Close)
	return w
}

// write puts values into a partition.
func (w *world) write(partition int32, values ...string) {
	w.t.Helper()
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, &kgo.Record{Partition: partition, Value: []byte(v)})
	}
	require.NoError(w.t, w.kafka.ProduceSync(w.t.Context(), records...).FirstErr())
}

func numbers(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint(i)
	}
	return out
}

// deleteBelow removes what a partition has before an offset, as retention does.
func (w *world) deleteBelow(partition int32, offset int64) {
	w.t.Helper()
	part := kmsg.NewDeleteRecordsRequestTopicPartition()
	part.Partition, part.Offset = partition, offset
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic, topic.Partitions = "numbers", []kmsg.DeleteRecordsRequestTopicPartition{part}
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Topics, req.TimeoutMillis = []kmsg.DeleteRecordsRequestTopic{topic}, 1000
	_, err := req.RequestWith(w.t.Context(), w.kafka)
	require.NoError(w.t, err)
}

// counted is how many records the table has seen; -1 if it is not there.
func (w *world) counted() int {
	conn, err := pgx.Connect(w.t.Context(), w.direct)
	require.NoError(w.t, err)
	defer conn.Close(w.t.Context())
	n := -1
	if conn.QueryRow(w.t.Context(), "SELECT coalesce(sum(n), 0)::int FROM public.digits").Scan(&n) != nil {
		return -1
	}
	return n
}

func (w *world) until(n int) {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return w.counted() == n }, 20*time.Second, 20*time.Millisecond, "have %d", w.counted())
}

// run is a pipeline that has been started.
type run struct {
	t     *testing.T
	drain chan struct{}
	stop  context.CancelFunc
	ended chan error
	out   locked
}

// locked is a log that may be read while it is written.
type locked struct {
	sync.Mutex
	bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.Buffer.Write(b)
}

func (l *locked) String() string {
	l.Lock()
	defer l.Unlock()
	return l.Buffer.String()
}

type setting func(map[string]string)

func set(name, value string) setting { return func(env map[string]string) { env[name] = value } }

// start runs the pipeline; state is in a new folder, so every start restores from the ledger.
func (w *world) start(settings ...setting) *run {
	w.t.Helper()
	env := map[string]string{
		"MILLRACE_KAFKA_BROKERS": w.broker, "MILLRACE_POSTGRES_URL": testkit.Through(w.t, w.direct, w.proxy), "MILLRACE_STATE_DIR": w.t.TempDir(),
		"MILLRACE_HTTP_ADDR": "off", "interval": "50ms", "delivery": "exactly-once",
	}
	for _, s := range settings {
		s(env)
	}
	getenv := func(name string) string { return env[name] }
	c, err := config.Load(getenv)
	require.NoError(w.t, err)
	p, err := pipeline.Parse("sums.yaml", fmt.Appendf(nil, sums, env["interval"], env["delivery"]), func(string) string { return "" })
	require.NoError(w.t, err)
	ctx, stop := context.WithCancel(w.t.Context())
	r := &run{t: w.t, drain: make(chan struct{}), stop: stop, ended: make(chan error, 1)}
	w.t.Cleanup(stop)
	log := slog.New(slog.NewTextHandler(&r.out, nil))
	go func() {
		r.ended <- Run(ctx, Options{Config: c, Pipeline: p, Logger: log, Stdout: &r.out, Drain: r.drain, Version: "test"})
	}()
	return r
}

// wait returns what Run returned.
func (r *run) wait() error {
	r.t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(30 * time.Second):
		r.t.Fatalf("it did not end:\n%s", &r.out)
		return nil
	}
}

// says waits until the log has a text.
func (r *run) says(text string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return bytes.Contains([]byte(r.out.String()), []byte(text)) }, 20*time.Second, 5*time.Millisecond, "%s", &r.out)
}
