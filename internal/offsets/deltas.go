package offsets

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/millrace/millrace/internal/batch"
)

const readDeltas = `SELECT seq, commit_id, previous_id, bytes FROM @.deltas
	WHERE pipeline = $1 AND shard = $2 AND seq > $3 AND seq <= $4 ORDER BY seq, part`

// Delta is one commit's changes to one shard. Whoever applies it checks that Seq follows and that Prev is the id of the state (L6).
type Delta struct {
	Seq      int64
	ID, Prev batch.Token
	Bytes    []byte // the caller's to keep
}

// Deltas gives a shard's deltas with afterSeq < Seq <= untilSeq, in order, as one statement saw them. It does not check the chain: what was
// trimmed is simply not there. It holds a connection until the loop ends (of Config.MaxConns: a loop body that calls the ledger needs a second
// one), and one delta in memory.
func (l *Ledger) Deltas(ctx context.Context, pipeline string, shard int, afterSeq, untilSeq int64) iter.Seq2[Delta, error] {
	return func(yield func(Delta, error) bool) {
		err := l.eachDelta(ctx, pipeline, shard, afterSeq, untilSeq, func(d Delta) bool { return yield(d, nil) })
		if err != nil && !errors.Is(err, errEnough) {
			yield(Delta{}, fmt.Errorf("read deltas of %s shard %d after %d: %w", pipeline, shard, afterSeq, err))
		}
	}
}

// errEnough ends a loop whose consumer wants no more.
var errEnough = errors.New("enough")

// eachDelta joins the parts: a delta is complete when a row with another seq, or the end, follows.
func (l *Ledger) eachDelta(ctx context.Context, pipeline string, shard int, after, until int64, give func(Delta) bool) error {
	rows, err := l.pool.Query(ctx, l.sql(readDeltas), pipeline, shard, after, until)
	if err != nil {
		return err
	}
	defer rows.Close()
	var d Delta
	for rows.Next() {
		var (
			seq      int64
			id, prev pgtype.UUID
			bytes    []byte
		)
		if err := rows.Scan(&seq, &id, &prev, &bytes); err != nil {
			return err
		}
		if seq == d.Seq {
			d.Bytes = append(d.Bytes, bytes...)
			continue
		}
		if d.Seq != 0 && !give(d) {
			return errEnough
		}
		d = Delta{Seq: seq, ID: token(id), Prev: token(prev), Bytes: bytes}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if d.Seq != 0 && !give(d) {
		return errEnough
	}
	return nil
}
