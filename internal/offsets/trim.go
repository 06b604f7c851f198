package offsets

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/crash"
)

const (
	trimDeltas = `DELETE FROM @.deltas WHERE pipeline = $1 AND shard = $2 AND seq <=
		(SELECT max(seq) FROM @.snapshots WHERE pipeline = $1 AND shard = $2)`

	// The end of the journal stays whatever its age: the next claim continues its chain and its batch time.
	pruneJournal = `DELETE FROM @.batches b WHERE pipeline = $1 AND committed_at < clock_timestamp() - $2::interval
		AND commit_id <> (SELECT commit_id FROM @.batches WHERE pipeline = $1 ORDER BY batch_time DESC, committed_at DESC LIMIT 1)`
	pruneClaims = `DELETE FROM @.claims WHERE pipeline = $1 AND claimed_at < clock_timestamp() - $2::interval`
	pruneDead   = `DELETE FROM @.dead_letters WHERE pipeline = $1 AND stored_at < clock_timestamp() - $2::interval`
	pruneLate   = `DELETE FROM @.late_rows WHERE pipeline = $1 AND stored_at < clock_timestamp() - $2::interval`
)

// Trim deletes a shard's deltas up to its newest published snapshot and says how many rows that were. Anyone may do it at any time (L7).
func (l *Ledger) Trim(ctx context.Context, pipeline string, shard int) (int64, error) {
	crash.Point(crash.BeforeTrim)
	tag, err := l.pool.Exec(ctx, l.sql(trimDeltas), pipeline, shard)
	if err != nil {
		return 0, fmt.Errorf("trim deltas of %s shard %d: %w", pipeline, shard, l.unavailable(err))
	}
	crash.Point(crash.AfterTrim)
	return tag.RowsAffected(), nil
}

// Retention says how long rows that only people read are kept; zero keeps them. It is plan.Retention by another name, so that the ledger
// does not depend on the graph: offsets.Retention(p.Retention) converts.
type Retention struct{ Journal, DeadLetters, LateRows time.Duration }

// Prune deletes rows that only people read and that are older than their retention by Postgres's clock. Zero keeps all. Claims live as long
// as the journal that names them. It says how many rows it deleted.
func (l *Ledger) Prune(ctx context.Context, pipeline string, r Retention) (int64, error) {
	var n int64
	for _, p := range []struct {
		sql string
		age time.Duration
	}{{pruneJournal, r.Journal}, {pruneClaims, r.Journal}, {pruneDead, r.DeadLetters}, {pruneLate, r.LateRows}} {
		if p.age == 0 {
			continue
		}
		tag, err := l.pool.Exec(ctx, l.sql(p.sql), pipeline, p.age)
		if err != nil {
			return n, fmt.Errorf("prune pipeline %s: %w", pipeline, l.unavailable(err))
		}
		n += tag.RowsAffected()
	}
	return n, nil
}
