package offsets

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/testkit"
)

// throughProxy is a ledger whose network the test rules, and one that sees the truth.
func throughProxy(t *testing.T) (direct, l *Ledger, p *testkit.Proxy) {
	t.Helper()
	direct, url := newLedger(t)
	p = testkit.NewProxy(t, host(t, url))
	return direct, openURL(t, testkit.Through(t, url, p)), p
}

func TestALostAnswerToCommitIsInDoubtAndTheNextClaimKnows(t *testing.T) {
	eachMode(t, func(t *testing.T, mode batch.Mode) {
		for half := range len(batch.Order(mode)) / 4 { // 5 steps: one transaction, 8: two
			direct, l, p := throughProxy(t)
			w := claim(t, l, "a")
			b, commits := w.batch(), 0
			p.SwallowAfter(func(sent []byte) bool {
				if testkit.IsCommit(sent) {
					commits++
				}
				return commits == half+1
			})
			err := w.commit(mode, b)
			require.ErrorIs(t, err, ErrInDoubt)
			require.Equal(t, InDoubt, Classify(err))
			require.Equal(t, 1, p.Fired())

			again := claim(t, l, "a")
			last := half == len(batch.Order(mode))/4-1
			if last {
				require.EqualValues(t, 110, nextOf(t, direct))
				require.Equal(t, b.ID, again.c.LastCommit)
			}
			require.Equal(t, nextOf(t, direct), again.c.Partitions[batch.Partition{Topic: "flights"}].Next)
			require.NoError(t, again.commit(mode, again.batch()))
			if mode == batch.ExactlyOnce {
				require.Equal(t, 1, rowsOf(t, direct, b))
			}
		}
	})
}

// The trap itself: pgx says that it is safe to try again a COMMIT that was executed. If this test fails, pgx has mended it; the rule stays.
func TestPgxCallsALostCommitSafeToRetry(t *testing.T) {
	_, l, p := throughProxy(t)
	tx, err := l.pool.Begin(t.Context())
	require.NoError(t, err)
	p.SwallowAfter(testkit.IsCommit)
	err = tx.Commit(t.Context())
	require.Error(t, err)
	if !pgconn.SafeToRetry(err) {
		t.Skip("this version of pgx no longer does")
	}
	require.ErrorIs(t, outcome(err, ""), ErrInDoubt)
}

// COMMIT is on its way when its client gives up. The claim must wait for the old transaction and see what became of it.
func TestACommitThatArrivesLateIsSeenByTheClaim(t *testing.T) {
	direct, l, p := throughProxy(t)
	w := claim(t, l, "a")
	b := w.batch()
	p.DelayMatching(testkit.IsCommit, 500*time.Millisecond)
	cutOnceFired(p)
	require.ErrorIs(t, w.commit(batch.ExactlyOnce, b), ErrInDoubt)
	require.EqualValues(t, 100, nextOf(t, direct), "a plain read sees the past")
	p.Heal()
	again := claim(t, direct, "a")
	require.EqualValues(t, 110, again.c.Partitions[batch.Partition{Topic: "flights"}].Next)
	require.Equal(t, b.ID, again.c.LastCommit)
	require.Equal(t, 1, rowsOf(t, direct, b))
}

// The statements of the fence are on their way when their client gives up: they hold no lock, so the claim does not wait. They land later and
// must be fenced.
func TestABatchThatHasNotBegunIsFencedByTheClaim(t *testing.T) {
	direct, l, p := throughProxy(t)
	w := claim(t, l, "a")
	require.NoError(t, w.commit(batch.ExactlyOnce, w.batch()))
	held := w.shards[0] // the token that the fence compares
	p.DelayMatching(func(b []byte) bool { return bytes.Contains(b, held[:]) }, 300*time.Millisecond)
	cutOnceFired(p)
	b := w.batch()
	err := w.commit(batch.ExactlyOnce, b)
	require.Equal(t, Unavailable, Classify(err), "COMMIT was not sent: %v", err)
	require.Equal(t, 1, p.Fired())
	again := claim(t, direct, "a")
	require.EqualValues(t, 110, again.c.Partitions[batch.Partition{Topic: "flights"}].Next)
	time.Sleep(500 * time.Millisecond)
	require.Zero(t, rowsOf(t, direct, b))
	require.NoError(t, again.commit(batch.ExactlyOnce, again.batch()), "what landed late did not take the rows")
}

// COMMIT never arrives: the server ends the transaction when its client has been silent too long, and the claim goes on.
func TestATransactionWhoseClientIsGoneHoldsItsRowsOnlySoLong(t *testing.T) {
	direct, l, p := throughProxy(t)
	l.config.IdleTimeout = 300 * time.Millisecond
	w := claim(t, l, "a")
	p.DelayMatching(testkit.IsCommit, 1500*time.Millisecond)
	cutOnceFired(p)
	b := w.batch()
	require.ErrorIs(t, w.commit(batch.ExactlyOnce, b), ErrInDoubt)
	again := claim(t, direct, "a")
	require.EqualValues(t, 100, again.c.Partitions[batch.Partition{Topic: "flights"}].Next)
	require.NoError(t, again.commit(batch.ExactlyOnce, again.batch()))
	require.Zero(t, rowsOf(t, direct, b))
}

func cutOnceFired(p *testkit.Proxy) {
	go func() {
		for p.Fired() == 0 {
			time.Sleep(time.Millisecond)
		}
		p.Cut()
	}()
}

func TestADeadServerIsUnavailableAndComesBack(t *testing.T) {
	s := testkit.NewServer(t)
	l := openURL(t, s.URL("postgres"))
	require.NoError(t, l.Migrate(t.Context()))
	exec(t, l, `CREATE TABLE public.out (commit_id uuid, n int)`)
	w := claim(t, l, "a")
	require.NoError(t, s.Stop())
	b := w.batch()
	err := w.commit(batch.ExactlyOnce, b)
	require.Equal(t, Unavailable, Classify(err), "%v", err)
	require.Error(t, l.Ping(t.Context()))
	require.NoError(t, s.Start())
	require.NoError(t, l.Ping(t.Context()))
	require.NoError(t, w.commit(batch.ExactlyOnce, b), "the same batch: nothing was written")
}

// A commit that waits for a replica that is not there, and whose wait is cancelled, is done here and perhaps nowhere else.
func TestACommitWithoutItsReplicaIsInDoubt(t *testing.T) {
	s := testkit.NewServer(t, "-c", "wal_level=replica", "-c", "max_wal_senders=2")
	l := openURL(t, s.URL("postgres"))
	require.NoError(t, l.Migrate(t.Context()))
	exec(t, l, `CREATE TABLE public.out (commit_id uuid, n int)`)
	w := claim(t, l, "a")
	exec(t, l, `ALTER SYSTEM SET synchronous_standby_names = 'nobody'`)
	exec(t, l, `SELECT pg_reload_conf()`)
	require.Eventually(t, func() bool { return get[string](t, l, `SHOW synchronous_standby_names`) == "nobody" }, 5*time.Second, time.Millisecond)
	committed := make(chan error)
	go func() { committed <- w.commit(batch.ExactlyOnce, w.batch()) }()
	require.Eventually(t, func() bool {
		return get[int](t, l, `SELECT count(pg_cancel_backend(pid))::int FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query = 'commit'`) == 1
	}, 5*time.Second, 5*time.Millisecond)
	err := <-committed
	require.ErrorIs(t, err, ErrInDoubt)
	require.Contains(t, err.Error(), "synchronous replication")
}

func TestWhatAnAnswerToCommitMeans(t *testing.T) {
	server := func(severity, code string) error {
		return &pgconn.PgError{Severity: severity, SeverityUnlocalized: severity, Code: code}
	}
	for name, c := range map[string]struct {
		err    error
		notice string
		want   error // nil: the error itself, or none
		class  batch.Class
	}{
		"done":                             {class: Unknown},
		"done, perhaps not on the replica": {notice: "canceling wait", want: ErrInDoubt, class: InDoubt},
		"answered with ROLLBACK":           {err: pgx.ErrTxCommitRollback, want: ErrRolledBack, class: Unavailable},
		"a deferred constraint":            {err: server("ERROR", "23505"), class: Rejected},
		"a serialisation failure":          {err: server("ERROR", "40001"), class: Unavailable},
		"a pooler that lost its server":    {err: server("FATAL", "08P01"), want: ErrInDoubt, class: InDoubt},
		"the same, not fatal":              {err: server("ERROR", "08P01"), want: ErrInDoubt, class: InDoubt},
		"a server that stops":              {err: server("FATAL", "57P01"), want: ErrInDoubt, class: InDoubt},
		"a cancelled COMMIT":               {err: server("ERROR", "57014"), want: ErrInDoubt, class: InDoubt},
		"a panic":                          {err: server("PANIC", "53100"), want: ErrInDoubt, class: InDoubt},
		"a dead socket":                    {err: pgconn.ErrConnClosed, want: ErrInDoubt, class: InDoubt},
		"a context":                        {err: context.DeadlineExceeded, want: ErrInDoubt, class: InDoubt},
		"whatever":                         {err: errors.New("whatever"), want: ErrInDoubt, class: InDoubt},
	} {
		got := outcome(c.err, c.notice)
		switch {
		case c.want != nil:
			require.ErrorIs(t, got, c.want, name)
		case c.err != nil:
			require.ErrorIs(t, got, c.err, name)
		default:
			require.NoError(t, got, name)
		}
		require.Equal(t, c.class, Classify(got), name)
	}
}

func TestWhichNoticesLeaveACommitInDoubt(t *testing.T) {
	require.True(t, doubtful(&pgconn.Notice{Code: "01000", File: "syncrep.c"}))
	require.True(t, doubtful(&pgconn.Notice{Code: "57P01", File: "syncrep.c"}))
	require.True(t, doubtful(&pgconn.Notice{Code: "01000"}), "a fork that names no file")
	require.False(t, doubtful(&pgconn.Notice{Code: "01000", File: "pl_exec.c"}), "RAISE WARNING in a trigger")
	require.False(t, doubtful(&pgconn.Notice{Code: "00000", File: "pl_exec.c"}), "RAISE NOTICE")
	require.False(t, doubtful(&pgconn.Notice{Code: "42P07", File: "parse_utilcmd.c"}))
}
