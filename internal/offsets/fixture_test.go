package offsets

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	pipeline = "late-flights"
	interval = 500_000 // microseconds
)

var modes = []batch.Mode{batch.ExactlyOnce, batch.AtLeastOnce, batch.AtMostOnce}

func fresh() (t batch.Token) {
	_, _ = rand.Read(t[:])
	return t
}

func openURL(t testing.TB, url string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), Config{ConnString: url, Instance: "test", LockTimeout: 3 * time.Second, IdleTimeout: 3 * time.Second})
	require.NoError(t, err)
	t.Cleanup(l.Close)
	return l
}

// newLedger is a migrated ledger in a database of its own that also has a sink's table.
func newLedger(t testing.TB) (*Ledger, string) {
	t.Helper()
	url := testkit.Postgres(t)
	l := openURL(t, url)
	require.NoError(t, l.Migrate(t.Context()))
	exec(t, l, `CREATE TABLE public.out (commit_id uuid, n int CHECK (n >= 0))`)
	return l, url
}

func exec(t testing.TB, l *Ledger, sql string, args ...any) {
	t.Helper()
	_, err := l.pool.Exec(context.Background(), l.sql(sql), args...)
	require.NoError(t, err)
}

func get[T any](t testing.TB, l *Ledger, sql string, args ...any) (v T) {
	t.Helper()
	require.NoError(t, l.pool.QueryRow(context.Background(), l.sql(sql), args...).Scan(&v))
	return v
}

func host(t testing.TB, u string) string {
	t.Helper()
	p, err := url.Parse(u)
	require.NoError(t, err)
	return p.Host
}

// worker is an instance as the service would be one: it holds tokens and makes batches.
type worker struct {
	l      *Ledger
	c      *Claim
	held   map[batch.Partition]batch.Token
	next   map[batch.Partition]int64
	shards map[int]batch.Token
	heads  map[int]Head
	time   int64
}

func request(instance string, partitions, shards int) ClaimRequest {
	req := ClaimRequest{Pipeline: pipeline, Instance: instance, PlanHash: "plan 1", Shards: shards, Token: fresh()}
	if shards > 0 {
		req.Signatures = map[string]string{"late.updateStateByKey": "updateStateByKey key(origin text) count(*)"}
	}
	for p := range partitions {
		req.Partitions = append(req.Partitions, Wanted{
			Partition: batch.Partition{Topic: "flights", ID: int32(p)}, TopicID: [16]byte{7}, TopicPartitions: int32(partitions), Start: 100,
		})
	}
	return req
}

func claim(t testing.TB, l *Ledger, instance string) *worker {
	t.Helper()
	w, err := tryClaim(l, request(instance, 2, 3))
	require.NoError(t, err)
	return w
}

func tryClaim(l *Ledger, req ClaimRequest) (*worker, error) {
	c, err := l.Claim(context.Background(), req)
	if err != nil {
		return nil, err
	}
	w := &worker{l: l, c: c, held: map[batch.Partition]batch.Token{}, next: map[batch.Partition]int64{}, shards: map[int]batch.Token{},
		heads: map[int]Head{}, time: max(c.LastTime, 0)}
	for p, pos := range c.Partitions {
		w.held[p], w.next[p] = c.Token, pos.Next
	}
	for _, h := range c.Heads {
		w.shards[h.Shard], w.heads[h.Shard] = c.Token, h
	}
	return w, nil
}

// batch takes ten offsets of each partition and changes each shard.
func (w *worker) batch() *batch.Batch {
	b := &batch.Batch{ID: fresh(), Time: w.time + interval, Watermark: w.time, Counts: batch.Counts{In: 20, Rows: 1},
		Timings: batch.Timings{Opened: time.Now(), Cut: time.Now(), Compute: time.Millisecond}}
	for p, n := range w.next {
		b.Partitions = append(b.Partitions, batch.Moved{Range: batch.Range{Partition: p, From: n, Until: n + 10}, LeaderEpoch: 3,
			Watermark: w.time, Held: w.held[p]})
	}
	for s, h := range w.heads {
		b.Shards = append(b.Shards, batch.Touched{Shard: s, Seq: h.Seq + 1, Prev: h.ID, Held: w.shards[s], Delta: fmt.Appendf(nil, "delta %d", h.Seq+1)})
	}
	return b
}

func (w *worker) commit(mode batch.Mode, b *batch.Batch, rows ...Writer) error {
	if err := w.l.Commit(context.Background(), mode, w.c, b, append(rows, out(b))); err != nil {
		return err
	}
	w.took(b)
	return nil
}

// took is what the service does after a commit.
func (w *worker) took(b *batch.Batch) {
	w.time = b.Time
	for _, m := range b.Partitions {
		w.held[m.Partition], w.next[m.Partition] = b.ID, m.Until
	}
	for _, s := range b.Shards {
		w.shards[s.Shard] = b.ID
		if len(s.Delta) > 0 {
			w.heads[s.Shard] = Head{Shard: s.Shard, Seq: s.Seq, ID: b.ID}
		}
	}
}

type writerFunc func(ctx context.Context, tx pgx.Tx) error

func (f writerFunc) Write(ctx context.Context, tx pgx.Tx) error { return f(ctx, tx) }

// out writes one row that names the batch.
func out(b *batch.Batch) Writer {
	return writerFunc(func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO public.out VALUES ($1, 1)`, uuid(b.ID))
		return err
	})
}

// state is what the ledger and the sink have, in words, to compare before and after.
func state(t testing.TB, l *Ledger) string {
	t.Helper()
	return get[string](t, l, `SELECT
		(SELECT string_agg(p::text, E'\n' ORDER BY topic, partition) FROM @.partitions p) || E'\n' ||
		(SELECT string_agg(s::text, E'\n' ORDER BY shard) FROM @.shards s) || E'\n' ||
		(SELECT count(*) FROM @.deltas) || ' ' || (SELECT count(*) FROM @.batches) || ' ' || (SELECT count(*) FROM @.dead_letters)
		|| ' ' || (SELECT count(*) FROM public.out)`)
}

func rowsOf(t testing.TB, l *Ledger, b *batch.Batch) int {
	t.Helper()
	return get[int](t, l, `SELECT count(*)::int FROM public.out WHERE commit_id = $1`, uuid(b.ID))
}

func nextOf(t testing.TB, l *Ledger) int64 {
	t.Helper()
	return get[int64](t, l, `SELECT max(next_offset) FROM @.partitions`)
}

// waitForLock returns once somebody waits for a row in the database.
func waitForLock(t testing.TB, l *Ledger) {
	t.Helper()
	require.Eventually(t, func() bool {
		return get[bool](t, l, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`)
	}, 5*time.Second, 5*time.Millisecond)
}
