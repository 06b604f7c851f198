package offsets

import (
	"bytes"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/testkit"
)

// A commit is BEGIN with the fence, one trip for each Writer that sends one statement, the ledger's own rows, and COMMIT.
func TestACommitTakesThreeRoundTripsAndThoseOfItsWriters(t *testing.T) {
	for mode, want := range map[batch.Mode]int64{batch.ExactlyOnce: 3, batch.AtLeastOnce: 6, batch.AtMostOnce: 6} {
		_, l, p := throughProxy(t)
		w, err := tryClaim(l, request("a", 8, 16))
		require.NoError(t, err)
		require.NoError(t, w.commit(mode, w.batch()), "prepares the statements")
		var trips atomic.Int64
		p.SwallowAfter(func([]byte) bool { trips.Add(1); return false })
		b := w.batch()
		b.Dead = []batch.DeadLetter{{}, {}}
		b.Late = []batch.LateRow{{}}
		require.NoError(t, l.Commit(t.Context(), mode, w.c, b, nil))
		w.took(b)
		b = w.batch()
		trips.Store(0)
		require.NoError(t, l.Commit(t.Context(), mode, w.c, b, nil))
		require.Equal(t, want, trips.Load(), mode)
	}
}

func BenchmarkCommitOf8PartitionsAnd16Shards(b *testing.B) {
	for _, mode := range modes {
		b.Run(mode.String(), func(b *testing.B) { benchCommit(b, mode, 1<<10) })
	}
	b.Run("exactly-once/256KiB deltas", func(b *testing.B) { benchCommit(b, batch.ExactlyOnce, 256<<10) })
}

func benchCommit(b *testing.B, mode batch.Mode, size int) {
	url := testkit.Postgres(b)
	l := openURL(b, url)
	require.NoError(b, l.Migrate(b.Context()))
	w, err := tryClaim(l, request("a", 8, 16))
	require.NoError(b, err)
	delta := bytes.Repeat([]byte("x"), size)
	for b.Loop() {
		next := w.batch()
		for i := range next.Shards {
			next.Shards[i].Delta = delta
		}
		require.NoError(b, l.Commit(b.Context(), mode, w.c, next, nil))
		w.took(next)
	}
	b.StopTimer()
	_, err = l.pool.Exec(b.Context(), `SELECT pg_stat_force_next_flush()`) // on the only connection that was used
	require.NoError(b, err)
	var hot float64
	require.NoError(b, l.pool.QueryRow(b.Context(), `SELECT coalesce(sum(n_tup_hot_upd)::float8 / nullif(sum(n_tup_upd), 0), 0)
		FROM pg_stat_user_tables WHERE relname IN ('partitions', 'shards')`).Scan(&hot))
	b.ReportMetric(hot, "hot-share")
}
