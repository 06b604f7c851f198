package offsets

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

func entries(t *testing.T, l *Ledger) (list []Entry) {
	t.Helper()
	for e, err := range l.Journal(t.Context(), pipeline) {
		require.NoError(t, err)
		list = append(list, e)
	}
	return list
}

func audit(t *testing.T, l *Ledger) (wrong []string) {
	t.Helper()
	var c Chain
	for _, e := range entries(t, l) {
		wrong = append(wrong, c.Check(e)...)
	}
	return wrong
}

func TestTheJournalSaysWhatWasCommitted(t *testing.T) {
	eachMode(t, func(t *testing.T, mode batch.Mode) {
		l, _ := newLedger(t)
		w := claim(t, l, "a")
		b := w.batch()
		b.Counts = batch.Counts{In: 20, Filtered: 5, Late: 1, Dead: 2, Rows: 12, Bytes: 999}
		require.NoError(t, w.commit(mode, b))
		second := w.batch()
		require.NoError(t, w.commit(mode, second))

		list := entries(t, l)
		require.Len(t, list, 2)
		e := list[0]
		require.Equal(t, [2]batch.Token{b.ID, {}}, [2]batch.Token{e.Commit, e.Previous})
		require.Equal(t, b.Counts, e.Counts)
		require.Equal(t, mode, e.Delivery)
		require.Equal(t, [2]int64{b.Time, b.Watermark}, [2]int64{e.Time, e.Watermark})
		require.Equal(t, []JournalRange{{"flights", 0, 100, 110, uuid(w.c.Token)}, {"flights", 1, 100, 110, uuid(w.c.Token)}}, e.Ranges)
		require.Equal(t, JournalShard{2, 1, uuid(w.c.Token)}, e.Shards[2])
		require.Equal(t, time.Millisecond, e.Timings.Compute)
		require.WithinDuration(t, b.Timings.Cut, e.Timings.Cut, time.Millisecond)
		require.Equal(t, b.ID, list[1].Previous)
		require.Equal(t, e.Hash, list[1].PreviousHash)
		require.Equal(t, uuid(b.ID), list[1].Ranges[0].Replaced)
		require.Empty(t, audit(t, l))
	})
}

func TestTheChainGoesOnAcrossOwners(t *testing.T) {
	l, _ := newLedger(t)
	for _, who := range []string{"a", "b", "a"} {
		chained(t, claim(t, l, who), 3)
	}
	require.Len(t, entries(t, l), 9)
	require.Empty(t, audit(t, l))
}

func TestAChangedOrMissingRowOfTheJournalIsFound(t *testing.T) {
	for change, says := range map[string]string{
		`UPDATE @.batches SET records_in = records_in + 1 WHERE batch_time = to_timestamp(1)`:                    "its row was changed",
		`UPDATE @.batches SET ranges = jsonb_set(ranges, '{0,until}', '999') WHERE batch_time = to_timestamp(1)`: "the one before ended at 999",
		`UPDATE @.batches SET instance = 'x', hash = sha256('x') WHERE batch_time = to_timestamp(1)`:             "has another hash than it had",
		`DELETE FROM @.batches WHERE batch_time = to_timestamp(1)`:                                               "is missing",
	} {
		l, _ := newLedger(t)
		chained(t, claim(t, l, "a"), 4)
		require.Empty(t, audit(t, l))
		exec(t, l, change)
		require.Contains(t, strings.Join(audit(t, l), "\n"), says)
	}
}

func TestThePrunedBeginningOfAJournalIsNoFault(t *testing.T) {
	l, _ := newLedger(t)
	chained(t, claim(t, l, "a"), 4)
	exec(t, l, `DELETE FROM @.batches WHERE batch_time <= to_timestamp(1)`)
	require.Len(t, entries(t, l), 2)
	require.Empty(t, audit(t, l))
}

// Yesterday's rows must keep their hash: this one is written down.
func TestTheHashOfAnEntryIsFixed(t *testing.T) {
	e := Entry{Pipeline: "p", Commit: batch.Token{1}, Previous: batch.Token{2}, PreviousHash: []byte{3}, Instance: "i", Epoch: 4, PlanVersion: 5,
		Delivery: batch.AtLeastOnce, Time: 6, Watermark: 7, Ranges: []JournalRange{{"t", 8, 9, 10, uuid(batch.Token{11})}},
		Shards: []JournalShard{{12, 13, uuid(batch.Token{14})}}, Counts: batch.Counts{In: 15, Filtered: 16, Late: 17, Dead: 18, Rows: 19, Bytes: 20}}
	require.Equal(t, "b2b0461f71ad27cf68650609d58d9d9d102b031c5384685ba3a6e745f37d2702", hex.EncodeToString(e.Sum()))
}

// Several instances claim and commit as they like, in every mode, and never agree on anything. Whatever happens, the journal tiles the
// partitions, the deltas chain, and with exactly-once every row of the sink is a commit of the journal.
func TestInstancesThatFightLeaveAChainWithoutGaps(t *testing.T) {
	eachMode(t, func(t *testing.T, mode batch.Mode) {
		l, _ := newLedger(t)
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		var all sync.WaitGroup
		stop := time.Now().Add(1500 * time.Millisecond)
		for i := range 4 {
			all.Go(func() { fight(l, mode, rand.New(rand.NewPCG(seed, uint64(i))), stop) }) //nolint:gosec // a test's schedule
		}
		all.Wait()
		list := entries(t, l)
		require.NotEmpty(t, list)
		require.Empty(t, audit(t, l))
		owners := map[string]bool{}
		for _, e := range list {
			owners[e.Instance] = true
		}
		require.Greater(t, len(owners), 1, "nobody fought")

		prev := Delta{}
		for _, d := range deltas(t, l, 0, 1<<40) {
			require.Equal(t, prev.Seq+1, d.Seq)
			require.Equal(t, prev.ID, d.Prev)
			prev = d
		}
		require.Equal(t, prev.Seq, get[int64](t, l, `SELECT seq FROM @.shards WHERE shard = 0`))
		rows, journal := get[int](t, l, `SELECT count(*)::int FROM public.out`), len(list)
		strays := get[int](t, l, `SELECT count(*)::int FROM public.out o FULL JOIN @.batches b USING (commit_id) WHERE o.n IS NULL OR b.pipeline IS NULL`)
		switch mode {
		case batch.ExactlyOnce:
			require.Zero(t, strays)
		case batch.AtLeastOnce:
			require.GreaterOrEqual(t, rows, journal)
		case batch.AtMostOnce:
			require.LessOrEqual(t, rows, journal)
		}
		t.Logf("%d commits, %d rows, %d owners", journal, rows, len(owners))
	})
}

// fight commits until it is fenced, and then claims: what no instance should do, and what must be harmless all the same.
func fight(l *Ledger, mode batch.Mode, r *rand.Rand, stop time.Time) {
	var w *worker
	for time.Now().Before(stop) {
		if w == nil || r.IntN(10) == 0 {
			w, _ = tryClaim(l, request(string(rune('a'+r.IntN(4))), 2, 3))
			continue
		}
		if w.commit(mode, w.batch()) != nil {
			w = nil
		}
		time.Sleep(time.Duration(r.IntN(5)) * time.Millisecond)
	}
}
