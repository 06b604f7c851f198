package offsets

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/testkit"
)

// A database whose default is SERIALIZABLE would refuse the claim that waited, because the rows changed after its snapshot.
func TestTheDatabasesDefaultIsolationDoesNotMatter(t *testing.T) {
	_, url := newLedger(t)
	l := openURL(t, url+"&default_transaction_isolation=serializable")
	w := claim(t, l, "a")
	inside, goOn := make(chan bool), make(chan bool)
	block := writerFunc(func(context.Context, pgx.Tx) error { inside <- true; <-goOn; return nil })
	committed, claimed := make(chan error, 1), make(chan error, 1)
	go func() { committed <- w.commit(batch.ExactlyOnce, w.batch(), block) }()
	<-inside
	go func() { _, err := tryClaim(l, request("b", 2, 3)); claimed <- err }()
	waitForLock(t, l)
	goOn <- true
	require.NoError(t, <-committed)
	require.NoError(t, <-claimed)
}

// Every transaction writes a token of its own (L1): what the first half leaves is neither the caller's nor the batch's.
func TestTheFirstHalfLeavesATokenOfItsOwn(t *testing.T) {
	for _, mode := range []batch.Mode{batch.AtLeastOnce, batch.AtMostOnce} {
		l, _ := newLedger(t)
		w := claim(t, l, "a")
		b := w.batch()
		a := newAttempt(l, mode, w.c, b, nil)
		for i, step := range a.order[:4] {
			require.NoError(t, a.do(t.Context(), step, a.order[i:]))
		}
		require.True(t, get[bool](t, l, `SELECT bool_and(token NOT IN ($1, $2)) AND count(DISTINCT token) = 1
			FROM (SELECT token FROM @.partitions UNION ALL SELECT token FROM @.shards) x`, uuid(b.ID), uuid(w.c.Token)))
	}
}

// A COMMIT that was sent is waited for, whatever becomes of the context: to cut it short would only make its outcome unknown.
func TestACommitIsNotCutShortByItsContext(t *testing.T) {
	_, l, p := throughProxy(t)
	w := claim(t, l, "a")
	ctx, cancel := context.WithCancel(t.Context())
	p.DelayMatching(testkit.IsCommit, 200*time.Millisecond)
	go func() {
		for p.Fired() == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	require.NoError(t, l.Commit(ctx, batch.ExactlyOnce, w.c, w.batch(), nil))
	require.ErrorIs(t, ctx.Err(), context.Canceled)
}
