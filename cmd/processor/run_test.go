package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/internal/testkit"
)

// world is what one run of the processor meets: a broker with the topic lines, an empty database, and a folder.
type world struct {
	t        *testing.T
	broker   string
	database string
	file     string
	client   *kgo.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	k, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(4, "lines"))
	require.NoError(t, err)
	t.Cleanup(k.Close)
	w := &world{t: t, broker: k.ListenAddrs()[0], database: testkit.Postgres(t), file: file(t, good)}
	w.client, err = kgo.NewClient(kgo.SeedBrokers(w.broker), kgo.DefaultProduceTopic("lines"))
	require.NoError(t, err)
	t.Cleanup(w.client.Close)
	return w
}

// write puts n records into the topic, of ten different lines.
func (w *world) write(n int) {
	w.t.Helper()
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = kgo.StringRecord(fmt.Sprintf("line %d", i%10))
	}
	require.NoError(w.t, w.client.ProduceSync(w.t.Context(), records...).FirstErr())
}

// counted is how many records the table has seen; -1 if it is not there.
func (w *world) counted() int {
	conn, err := pgx.Connect(w.t.Context(), w.database)
	require.NoError(w.t, err)
	defer conn.Close(w.t.Context())
	n := -1
	if conn.QueryRow(w.t.Context(), "SELECT coalesce(sum(n), 0)::int FROM public.words").Scan(&n) != nil {
		return -1
	}
	return n
}

func (w *world) environ(more ...string) []string {
	return append([]string{
		"MILLRACE_KAFKA_BROKERS=" + w.broker, "MILLRACE_POSTGRES_URL=" + w.database, "MILLRACE_PIPELINE=" + w.file, "MILLRACE_INTERVAL=50ms",
		"MILLRACE_STATE_DIR=" + filepath.Join(w.t.TempDir(), "state"), "MILLRACE_HTTP_ADDR=off",
	}, more...)
}

// running is a processor that has been started.
type running struct {
	t       *testing.T
	signals chan os.Signal
	out     *locked
	ended   chan int
}

// locked is a buffer that may be read while it is written. It has no other method of a buffer: ReadFrom would write past the lock.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (w *world) start(more ...string) *running {
	r := &running{t: w.t, signals: make(chan os.Signal, 2), out: &locked{}, ended: make(chan int, 1)}
	in := invocation{args: []string{"run"}, environ: w.environ(more...), stdout: r.out, stderr: r.out, signals: r.signals}
	go func() { r.ended <- execute(in) }()
	return r
}

// wait returns the exit code.
func (r *running) wait() int {
	r.t.Helper()
	select {
	case code := <-r.ended:
		return code
	case <-time.After(30 * time.Second):
		r.t.Fatalf("it did not end:\n%s", r.out)
		return -1
	}
}

func (w *world) until(n int, r *running) {
	w.t.Helper()
	require.Eventually(w.t, func() bool { return w.counted() == n }, 20*time.Second, 50*time.Millisecond, "%s", r.out)
}

func TestAvailableNowCountsWhatIsThereAndExitsWith0(t *testing.T) {
	w := newWorld(t)
	w.write(1000)
	r := w.start("MILLRACE_TRIGGER=available-now")
	require.Equal(t, exitDone, r.wait(), "%s", r.out)
	require.Equal(t, 1000, w.counted())

	w.write(500)
	r = w.start("MILLRACE_TRIGGER=available-now")
	require.Equal(t, exitDone, r.wait(), "%s", r.out)
	require.Equal(t, 1500, w.counted(), "the second run began where the first one ended")
}

func TestATermSignalCommitsWhatIsInHandAndExitsWith0(t *testing.T) {
	w := newWorld(t)
	w.write(1000)
	r := w.start("MILLRACE_LOG_FORMAT=text")
	w.until(1000, r)
	r.signals <- syscall.SIGTERM
	require.Equal(t, exitDone, r.wait(), "%s", r.out)
	require.Contains(t, r.out.String(), "stopping: finishing the batch in hand")
	require.Equal(t, 1000, w.counted())
}

func TestAnInstanceWhoseClaimIsTakenExitsWith3(t *testing.T) {
	w := newWorld(t)
	w.write(100)
	first := w.start("MILLRACE_INSTANCE=first")
	w.until(100, first)
	second := w.start("MILLRACE_INSTANCE=second")
	require.Eventually(t, func() bool { return strings.Contains(second.out.String(), `"msg":"claimed"`) }, 20*time.Second, 10*time.Millisecond)
	w.write(100)
	require.Equal(t, exitFenced, first.wait(), "%s", first.out)
	require.Contains(t, first.out.String(), "fenced")
	w.until(200, second)
	second.signals <- syscall.SIGTERM
	require.Equal(t, exitDone, second.wait(), "%s", second.out)
}

func TestReadyzAnswersOnTheAddressOfTheEnvironment(t *testing.T) {
	w := newWorld(t)
	addr := freeAddr(t)
	r := w.start("MILLRACE_HTTP_ADDR=" + addr)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	require.Eventually(t, func() bool {
		resp, err := client.Get("http://" + addr + "/readyz")
		return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	}, 20*time.Second, 20*time.Millisecond, "%s", r.out)
	r.signals <- syscall.SIGINT
	require.Equal(t, exitDone, r.wait(), "%s", r.out)
	_, err := client.Get("http://" + addr + "/readyz")
	require.Error(t, err)
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func TestBothServersThatAreAwayAtStartAreNamedAndRefused(t *testing.T) {
	w := newWorld(t)
	r := w.start("MILLRACE_KAFKA_BROKERS=127.0.0.1:1", "MILLRACE_POSTGRES_URL=postgres://me:hunter2@127.0.0.1:2/x?sslmode=disable")
	require.Equal(t, exitRefused, r.wait(), "%s", r.out)
	require.Contains(t, r.out.String(), "127.0.0.1:1")
	require.Contains(t, r.out.String(), "127.0.0.1 port 2")
	require.NotContains(t, r.out.String(), "hunter2")
}

func TestAPortThatIsTakenIsRefusedBeforeAnythingElse(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	r := w.start("MILLRACE_HTTP_ADDR=" + l.Addr().String())
	require.Equal(t, exitRefused, r.wait(), "%s", r.out)
	require.Contains(t, r.out.String(), "MILLRACE_HTTP_ADDR")
	require.Equal(t, -1, w.counted(), "no table was made")
}

func TestMigrateMakesTheLedgerTwiceWithoutHarm(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		r := processor([]string{"MILLRACE_POSTGRES_URL=" + w.database, "MILLRACE_LEDGER_SCHEMA=mine"}, "migrate")
		require.Equal(t, exitDone, r.code, r.stderr)
	}
	conn, err := pgx.Connect(t.Context(), w.database)
	require.NoError(t, err)
	defer conn.Close(t.Context())
	var n int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM mine.batches").Scan(&n))
	require.Zero(t, n)
}
