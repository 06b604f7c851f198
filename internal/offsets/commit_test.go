package offsets

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

func eachMode(t *testing.T, f func(t *testing.T, mode batch.Mode)) {
	for _, m := range modes {
		t.Run(m.String(), func(t *testing.T) { f(t, m) })
	}
}

func TestACommitMovesEverythingThatTheBatchNames(t *testing.T) {
	eachMode(t, func(t *testing.T, mode batch.Mode) {
		l, _ := newLedger(t)
		w := claim(t, l, "a")
		first, second := w.batch(), (*batch.Batch)(nil)
		require.NoError(t, w.commit(mode, first))
		second = w.batch()
		require.NoError(t, w.commit(mode, second))

		require.Equal(t, 1, rowsOf(t, l, first))
		require.Equal(t, 1, rowsOf(t, l, second))
		require.EqualValues(t, 120, nextOf(t, l))
		require.True(t, get[bool](t, l, `SELECT bool_and(token = $1 AND leader_epoch = 3 AND watermark = to_timestamp(0.5)) FROM @.partitions`,
			uuid(second.ID)), "L10")
		require.True(t, get[bool](t, l, `SELECT bool_and(token = $1 AND seq = 2 AND commit_id = $1 AND batch_time = to_timestamp(1)) FROM @.shards`,
			uuid(second.ID)), "L10")
		require.Equal(t, 6, get[int](t, l, `SELECT count(*)::int FROM @.deltas`))
		require.Equal(t, second.ID, w.c.LastCommit)

		again := claim(t, l, "a")
		require.Equal(t, second.ID, again.c.LastCommit)
		require.Equal(t, w.c.LastHash, again.c.LastHash)
		require.Equal(t, second.Time, again.c.LastTime)
		require.Equal(t, second.Watermark, again.c.Watermark)
		require.Equal(t, Position{Next: 120, LeaderEpoch: 3, Watermark: interval, Epoch: 2}, again.c.Partitions[batch.Partition{Topic: "flights", ID: 1}])
		require.Equal(t, []Head{{0, 2, second.ID, 2}, {1, 2, second.ID, 2}, {2, 2, second.ID, 2}}, again.c.Heads)
	})
}

func TestAZombieChangesNothing(t *testing.T) {
	eachMode(t, func(t *testing.T, mode batch.Mode) {
		l, _ := newLedger(t)
		zombie := claim(t, l, "a")
		require.NoError(t, zombie.commit(mode, zombie.batch()))
		claim(t, l, "b")
		before := state(t, l)
		err := zombie.commit(mode, zombie.batch())
		require.ErrorIs(t, err, ErrFenced)
		require.Equal(t, Fenced, Classify(err))
		require.Equal(t, before, state(t, l))

		var f *FencedError
		require.ErrorAs(t, err, &f)
		require.Len(t, f.Rows, 5)
		require.Equal(t, "b", f.Rows[0].Owner)
		require.Contains(t, err.Error(), "flights/0 (held by b since claim 2)")
	})
}

func TestOnlyTheRowsThatWereTakenAreNamed(t *testing.T) {
	l, _ := newLedger(t)
	a := claim(t, l, "a")
	req := request("b", 2, 3)
	req.Partitions, req.Own = req.Partitions[1:], []int{2}
	_, err := tryClaim(l, req)
	require.NoError(t, err)

	err = a.commit(batch.ExactlyOnce, a.batch())
	var f *FencedError
	require.ErrorAs(t, err, &f)
	require.Len(t, f.Rows, 2)
	require.Equal(t, "flights/1", f.Rows[0].Partition.String())
	require.Equal(t, 2, f.Rows[1].Shard)

	rest := a.batch() // what a still holds goes on
	rest.Partitions = keep(rest.Partitions, func(m batch.Moved) bool { return m.Partition.ID == 0 })
	rest.Shards = keep(rest.Shards, func(s batch.Touched) bool { return s.Shard != 2 })
	require.NoError(t, a.commit(batch.ExactlyOnce, rest))
}

func keep[T any](in []T, f func(T) bool) (kept []T) {
	for _, v := range in {
		if f(v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// A claim that comes between the halves must stop the second one (spec rule 8), and the batch counts once more or is lost, as the mode says.
func TestAClaimBetweenTheHalvesFencesTheSecond(t *testing.T) {
	for mode, want := range map[batch.Mode]struct {
		rows int
		next int64
	}{batch.AtLeastOnce: {1, 100}, batch.AtMostOnce: {0, 110}} {
		t.Run(mode.String(), func(t *testing.T) {
			l, _ := newLedger(t)
			w := claim(t, l, "a")
			b := w.batch()
			a := newAttempt(l, mode, w.c, b, []Writer{out(b)})
			err := error(nil)
			for i, step := range a.order {
				if step == batch.Begin && a.done == 1 {
					claim(t, l, "b")
				}
				if err = a.do(t.Context(), step, a.order[i:]); err != nil {
					err = a.abandon(t.Context(), err)
					break
				}
			}
			require.ErrorIs(t, err, ErrFenced)
			require.Equal(t, want.rows, rowsOf(t, l, b))
			require.Equal(t, want.next, nextOf(t, l))
		})
	}
}

func TestAHalfThatIsRolledBackLeavesTheCallerToClaim(t *testing.T) {
	for mode := range map[batch.Mode]bool{batch.AtLeastOnce: true, batch.AtMostOnce: true} {
		t.Run(mode.String(), func(t *testing.T) {
			l, _ := newLedger(t)
			w := claim(t, l, "a")
			b := w.batch()
			a := newAttempt(l, mode, w.c, b, []Writer{out(b)})
			ctx, cancel := context.WithCancel(t.Context())
			var err error
			for i, step := range a.order {
				if a.done == 1 {
					cancel()
				}
				if err = a.do(ctx, step, a.order[i:]); err != nil {
					err = a.abandon(ctx, err)
					break
				}
			}
			cancel()
			require.ErrorIs(t, err, ErrHalfDone)
			require.Equal(t, InDoubt, Classify(err), "the caller claims again")
			again := claim(t, l, "a")
			require.NoError(t, again.commit(mode, again.batch()))
		})
	}
}

// Batch n+1 may be sent while n commits: it waits for the rows and must compare what n left there, not what it saw before it waited (L4).
func TestABatchThatIsSentAboveAnotherFollowsIt(t *testing.T) {
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	n, inside, goOn := w.batch(), make(chan bool), make(chan bool)
	block := writerFunc(func(context.Context, pgx.Tx) error { inside <- true; <-goOn; return nil })
	first := make(chan error)
	go func() { first <- l.Commit(context.Background(), batch.ExactlyOnce, w.c, n, []Writer{out(n), block}) }()
	<-inside
	ahead := *w.c // the claim belongs to one goroutine
	ahead.LastCommit, ahead.LastHash = n.ID, nil
	w.took(n)
	above, second := w.batch(), make(chan error)
	go func() {
		second <- l.Commit(context.Background(), batch.ExactlyOnce, &ahead, above, []Writer{out(above)})
	}()
	waitForLock(t, l)
	goOn <- true
	require.NoError(t, <-first)
	require.NoError(t, <-second)
	require.EqualValues(t, 120, nextOf(t, l))
}

func TestAClaimWaitsForACommitInFlightAndSeesIt(t *testing.T) {
	eachMode(t, func(t *testing.T, mode batch.Mode) {
		l, _ := newLedger(t)
		w := claim(t, l, "a")
		b, inside, goOn := w.batch(), make(chan bool), make(chan bool)
		block := writerFunc(func(context.Context, pgx.Tx) error { inside <- true; <-goOn; return nil })
		committed := make(chan error, 1)
		go func() { committed <- w.commit(mode, b, block) }()
		<-inside
		claimed := make(chan *worker, 1)
		go func() {
			next, err := tryClaim(l, request("b", 2, 3))
			if err == nil {
				claimed <- next
			}
			close(claimed)
		}()
		waitForLock(t, l)
		select {
		case <-claimed:
			t.Fatal("the claim did not wait")
		default:
		}
		goOn <- true
		next, err := <-claimed, <-committed
		require.NotNil(t, next)
		require.Equal(t, nextOf(t, l), next.c.Partitions[batch.Partition{Topic: "flights"}].Next)
		if err == nil { // both halves came before the claim
			require.EqualValues(t, 110, nextOf(t, l))
			require.EqualValues(t, 1, next.c.Heads[0].Seq)
			require.Equal(t, b.ID, next.c.LastCommit)
		} else { // a cut mode whose second half came after it
			require.NotEqual(t, batch.ExactlyOnce, mode)
			require.ErrorIs(t, err, ErrFenced)
		}
		require.NoError(t, next.commit(mode, next.batch()))
	})
}

func TestABatchThatDoesNotFollowTheLedgerIsRefused(t *testing.T) {
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	before := state(t, l)
	for name, spoil := range map[string]func(*batch.Batch){
		"a gap":             func(b *batch.Batch) { b.Partitions[0].From++ },
		"an overlap":        func(b *batch.Batch) { b.Partitions[0].From-- },
		"backwards":         func(b *batch.Batch) { b.Partitions[0].Until = 50 },
		"a skipped seq":     func(b *batch.Batch) { b.Shards[0].Seq++ },
		"another history":   func(b *batch.Batch) { b.Shards[0].Prev = fresh() },
		"a partition twice": func(b *batch.Batch) { b.Partitions = append(b.Partitions, b.Partitions[0]) },
	} {
		b := w.batch()
		spoil(b)
		err := w.commit(batch.ExactlyOnce, b)
		require.ErrorIs(t, err, ErrPosition, name)
		require.Equal(t, Unknown, Classify(err), name)
		require.Equal(t, before, state(t, l), name)
	}
}

func TestARowThatWasNeverClaimedIsFenced(t *testing.T) {
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	b := w.batch()
	b.Partitions[0].Held = batch.Token{}
	require.ErrorIs(t, w.commit(batch.ExactlyOnce, b), ErrFenced)
	b = w.batch()
	b.Partitions[0].Partition.ID = 99
	require.ErrorIs(t, w.commit(batch.ExactlyOnce, b), ErrFenced)
	exec(t, l, `UPDATE @.partitions SET token = NULL`)
	b = w.batch()
	for i := range b.Partitions {
		b.Partitions[i].Held = batch.Token{}
	}
	require.ErrorIs(t, w.commit(batch.ExactlyOnce, b), ErrFenced, "the zero token is nobody's")
}

func TestABatchWithoutInputIsFencedByItsShards(t *testing.T) {
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	b := w.batch()
	b.Partitions = nil
	require.NoError(t, w.commit(batch.ExactlyOnce, b))
	fenceOnly := w.batch()
	fenceOnly.Partitions, fenceOnly.Shards[0].Delta = nil, nil
	require.NoError(t, w.commit(batch.ExactlyOnce, fenceOnly))
	require.EqualValues(t, 1, get[int64](t, l, `SELECT seq FROM @.shards WHERE shard = $1`, fenceOnly.Shards[0].Shard), "no delta, no seq")
	claim(t, l, "b")
	late := w.batch()
	late.Partitions = nil
	require.ErrorIs(t, w.commit(batch.ExactlyOnce, late), ErrFenced)
}

func TestANewPlanFencesTheOldOne(t *testing.T) {
	l, _ := newLedger(t)
	old := claim(t, l, "a")
	req := request("b", 2, 3)
	req.PlanHash, req.Partitions, req.Own = "plan 2", nil, []int{}
	w, err := tryClaim(l, req) // it takes no row of a's: the plan alone fences
	require.NoError(t, err)
	require.True(t, w.c.NewPlan)
	require.EqualValues(t, 2, w.c.PlanVersion)
	err = old.commit(batch.ExactlyOnce, old.batch())
	var f *FencedError
	require.ErrorAs(t, err, &f)
	require.EqualValues(t, 2, f.Plan)
	require.Empty(t, f.Rows)
}

func TestARefusedRowRollsEverythingBackAndTheBatchCanBeTriedAgain(t *testing.T) {
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	before, b := state(t, l), w.batch()
	for sql, class := range map[string]batch.Class{
		`INSERT INTO public.out VALUES (NULL, -1)`:         Rejected,      // 23514
		`INSERT INTO public.out VALUES (NULL, 1/0)`:        Rejected,      // 22012
		`INSERT INTO public.out VALUES (NULL, 3000000000)`: Rejected,      // 22003
		`INSERT INTO public.nowhere VALUES (1)`:            Misconfigured, // 42P01
		`SELECT pg_terminate_backend(pg_backend_pid())`:    Unavailable,   // 57P01
	} {
		err := w.commit(batch.ExactlyOnce, b, writerFunc(func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, sql)
			return err
		}))
		require.Equal(t, class, Classify(err), "%s: %v", sql, err)
		require.Equal(t, before, state(t, l), sql)
	}
	require.NoError(t, w.commit(batch.ExactlyOnce, b), "the same batch again")
}

func TestAWriterThatHidesAnErrorDoesNotCommit(t *testing.T) {
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	before := state(t, l)
	err := w.commit(batch.ExactlyOnce, w.batch(), writerFunc(func(ctx context.Context, tx pgx.Tx) error {
		_, _ = tx.Exec(ctx, `SELECT 1/0`)
		return nil
	}))
	require.Error(t, err)
	require.Equal(t, before, state(t, l))
	require.NoError(t, w.commit(batch.ExactlyOnce, w.batch()))
}

func TestAClosedContextWritesNothing(t *testing.T) {
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	before := state(t, l)
	ctx, cancel := context.WithCancel(t.Context())
	b := w.batch()
	stop := writerFunc(func(ctx context.Context, tx pgx.Tx) error { cancel(); return out(b).Write(ctx, tx) })
	err := l.Commit(ctx, batch.ExactlyOnce, w.c, b, []Writer{stop})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, Unavailable, Classify(err))
	require.Equal(t, before, state(t, l))
}

type rejecting struct {
	Writer
	dead []batch.DeadLetter
}

func (r rejecting) Rejected() []batch.DeadLetter { return r.dead }

func TestRecordsThatWereSetAsideAreStoredAsTheyAre(t *testing.T) {
	eachMode(t, func(t *testing.T, mode batch.Mode) {
		l, _ := newLedger(t)
		w := claim(t, l, "a")
		p := batch.Partition{Topic: "flights", ID: 1}
		b := w.batch()
		b.Counts.Dead = 2
		b.Dead = []batch.DeadLetter{
			{Source: "flights", Partition: p, Offset: 101, Timestamp: 1_700_000_000_123, Stage: "decode", Code: "decode", Error: "a NUL \x00 and \xff", Value: []byte{0, 255}},
			{Source: "flights", Partition: p, Offset: 102, Timestamp: -1, Stage: "decode", Code: "decode", Error: "e", Key: []byte{}},
		}
		b.Late = []batch.LateRow{{Source: "flights", Stream: "late", Partition: p, Offset: 103, EventTime: -5, Watermark: batch.NoWatermark, Key: []byte("k")}}
		sink := rejecting{out(b), []batch.DeadLetter{{Source: "flights", Partition: p, Offset: 104, Timestamp: 1 << 62, Stage: "sink out", Code: "rejected_by_sink"}}}
		require.NoError(t, w.commit(mode, b, sink))

		require.Equal(t, "101 t f 102 f t 104 f f", get[string](t, l, `SELECT string_agg(concat_ws(' ', record_offset,
			record_time IS NOT NULL, key IS NOT NULL), ' ' ORDER BY record_offset) FROM @.dead_letters`))
		require.Equal(t, "a NUL � and �", get[string](t, l, `SELECT error FROM @.dead_letters WHERE record_offset = 101`))
		require.Equal(t, []byte{0, 255}, get[[]byte](t, l, `SELECT value FROM @.dead_letters WHERE record_offset = 101`))
		require.Equal(t, int64(1_700_000_000_123), get[time.Time](t, l, `SELECT record_time FROM @.dead_letters WHERE record_offset = 101`).UnixMilli())
		require.True(t, get[bool](t, l, `SELECT watermark IS NULL AND event_time = '1969-12-31 23:59:59.999995Z' FROM @.late_rows`))
		if mode != batch.AtMostOnce { // its journal row is written before the sink has seen a row
			require.EqualValues(t, 3, get[int64](t, l, `SELECT records_dead FROM @.batches`))
		}
	})
}

func TestTheServerEndsATransactionOfASilentClient(t *testing.T) {
	l, url := newLedger(t)
	short := openURL(t, url)
	short.config.IdleTimeout = 100 * time.Millisecond
	w := claim(t, short, "a")
	before, b := state(t, l), w.batch()
	err := w.commit(batch.ExactlyOnce, b, writerFunc(func(context.Context, pgx.Tx) error { time.Sleep(500 * time.Millisecond); return nil }))
	require.Equal(t, Unavailable, Classify(err), "%v", err)
	require.Equal(t, before, state(t, l))
	require.NoError(t, w.commit(batch.ExactlyOnce, b))
}

func TestALockThatIsHeldTooLongIsUnavailable(t *testing.T) {
	l, url := newLedger(t)
	short := openURL(t, url)
	short.config.LockTimeout = 50 * time.Millisecond
	w := claim(t, short, "a")
	b := w.batch()
	holder, err := l.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = holder.Exec(t.Context(), l.sql(`SELECT FROM @.partitions FOR UPDATE`))
	require.NoError(t, err)
	err = w.commit(batch.ExactlyOnce, b)
	require.Equal(t, Unavailable, Classify(err), "%v", err)
	require.ErrorContains(t, err, "55P03")
	require.NotErrorIs(t, err, ErrInDoubt)
	require.NoError(t, holder.Rollback(t.Context()))
	require.NoError(t, w.commit(batch.ExactlyOnce, b))
}
