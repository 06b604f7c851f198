package offsets

import (
	"fmt"

	"github.com/millrace/millrace/internal/batch"
)

// judge decides, from what the locked rows held, whether this transaction may go on. It does no I/O.
func (a *attempt) judge(f findings) error {
	if f.planVersion != a.claim.PlanVersion || f.planToken != a.claim.PlanToken {
		return &FencedError{Pipeline: a.claim.Pipeline, Plan: max(f.planVersion, 1)}
	}
	if rows := a.fenced(f); len(rows) > 0 {
		return &FencedError{Pipeline: a.claim.Pipeline, Rows: rows}
	}
	if err := a.misplaced(f); err != nil {
		return err
	}
	if meant := len(a.batch.Partitions) + len(a.batch.Shards); f.moved != int64(meant) {
		return fmt.Errorf("%w: %d rows moved of %d; a row is named twice", ErrPosition, f.moved, meant)
	}
	return nil
}

// fenced lists the rows that are not there or hold another token.
func (a *attempt) fenced(f findings) []FencedRow {
	var rows []FencedRow
	for _, m := range a.batch.Partitions {
		if s, held := f.partitions[m.Partition], a.held(m.Held); s.token != held || held == (batch.Token{}) {
			rows = append(rows, FencedRow{Partition: m.Partition, Shard: -1, Held: held, Found: s.token, Owner: s.owner, Epoch: s.epoch})
		}
	}
	for _, t := range a.batch.Shards {
		if s, held := f.shards[t.Shard], a.held(t.Held); s.token != held || held == (batch.Token{}) {
			rows = append(rows, FencedRow{Shard: t.Shard, Held: held, Found: s.token, Owner: s.owner, Epoch: s.epoch})
		}
	}
	return rows
}

// misplaced looks for a batch that holds the right tokens and yet does not follow what the ledger has. Between two halves the ledger has
// what the first one saved.
func (a *attempt) misplaced(f findings) error {
	for _, m := range a.batch.Partitions {
		next := m.From
		if !a.half.first && !a.half.offsets { // the first half has moved it
			next = m.Until
		}
		if at := f.partitions[m.Partition].at; at != next || m.Until < m.From {
			return fmt.Errorf("%w: %s: the ledger is at %d, the batch is [%d, %d)", ErrPosition, m.Partition, at, m.From, m.Until)
		}
	}
	if !a.half.result {
		return nil
	}
	for _, t := range a.batch.Shards {
		if s := f.shards[t.Shard]; len(t.Delta) > 0 && (t.Seq != s.at+1 || t.Prev != s.id) { // L6
			return fmt.Errorf("%w: shard %d: the head is %d %s, the delta is %d after %s", ErrPosition, t.Shard, s.at, s.id, t.Seq, t.Prev)
		}
	}
	return nil
}
