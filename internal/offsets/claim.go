package offsets

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/crash"
)

// Wanted is a partition that a claim takes.
type Wanted struct {
	Partition       batch.Partition
	TopicID         [16]byte // zero: the broker gives none, and nothing is compared
	TopicPartitions int32    // how many partitions the topic has; zero: not known, and nothing is compared
	Start           int64    // where to begin if the ledger does not know the partition; negative: not resolved, and a new one is ErrNoStart
}

// ClaimRequest says which rows an instance takes, and for which plan.
type ClaimRequest struct {
	Pipeline      string
	Instance      string            // written as the owner
	PlanHash      string            // of the whole file; another one than the ledger's makes a new plan version
	Signatures    map[string]string // of stateful operators, by id
	Partitions    []Wanted
	PinPartitions bool        // keys rely on the topics' own partitioning: another number of partitions is refused
	Shards        int         // of the pipeline; 0: it keeps no state
	Own           []int       // the shards to take; nil: all of them
	Token         batch.Token // fresh and random, for this request only

	After *Claim        // the claim that this one renews after a failure; nil: a new assignment. Rows that somebody has claimed since are ErrFenced
	Tried []batch.Token // of requests since After whose outcome is not known: rows that hold one are this instance's
}

// Position is what the ledger has for a partition.
type Position struct {
	Next        int64 // the next offset to read
	LeaderEpoch int32 // of the last record read; -1: none
	Watermark   int64 // microseconds; batch.NoWatermark: none
	Epoch       int64 // count of claims of this row
}

// Head is where a shard's state stands: restore ends exactly there.
type Head struct {
	Shard int
	Seq   int64       // 0: the shard has no state
	ID    batch.Token // the commit id at Seq; zero if Seq is 0
	Epoch int64       // count of claims of this row
}

// Holder is who had rows of a claim before it.
type Holder struct {
	Instance   string // "" for rows that nobody had claimed
	Partitions int
	Shards     int
	Since      time.Time // of its latest claim, by Postgres's clock
}

// Claim is what an instance holds. Commit moves LastCommit and LastHash; everything else stays as the claim read it. It belongs to one
// goroutine. An instance that claims further rows goes on with the latest Claim; what it holds of earlier ones stays valid.
type Claim struct {
	Pipeline    string
	Instance    string
	Token       batch.Token // in every row of this claim until its first commit
	Epoch       int64       // count of claims of the pipeline
	PlanVersion int64
	PlanToken   batch.Token // fresh with each plan version: a version number may come twice after Postgres went back in time
	Partitions  map[batch.Partition]Position
	Heads       []Head      // of the claimed shards, by number
	LastTime    int64       // the largest batch time in the journal and of the claimed heads, microseconds; batch.NoWatermark: no batch yet
	LastCommit  batch.Token // the journal's newest commit id; zero: none
	LastHash    []byte      // and its hash
	Watermark   int64       // of that batch
	Previous    []Holder
	NewPlan     bool // this claim made PlanVersion
}

// Claim takes rows, in one transaction: lock them in order (L3); write token, epoch and owner; then, by later statements, read where they
// stand (L4, L5). From its COMMIT on every earlier owner is fenced. It waits for commits in flight. After ErrInDoubt claim again, with a
// new token.
//
// A claim that renews another one (After) takes nothing from whoever has claimed in between: it is ErrFenced then, or two instances that meet
// one failure after the other would take the rows from each other for ever (spec rule 11).
//
// A plan that does not fit the kept state, and topics that are not the ones the offsets belong to, are refused: *PlanMismatch,
// *ShardsChanged, *TopicRecreated, *PartitionsChanged, ErrNoStart. Nothing is written then.
func (l *Ledger) Claim(ctx context.Context, req ClaimRequest) (*Claim, error) {
	var c *Claim
	err := l.transact(ctx, func(tx pgx.Tx) (err error) {
		c, err = l.claimIn(ctx, tx, req.ordered())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("claim pipeline %s: %w", req.Pipeline, err)
	}
	crash.Point(crash.AfterClaim)
	return c, nil
}

// ordered brings the request into the order of locks (L3) and spells out "all shards".
func (r ClaimRequest) ordered() ClaimRequest {
	r.Partitions = slices.Clone(r.Partitions)
	slices.SortFunc(r.Partitions, func(a, b Wanted) int { return a.Partition.Compare(b.Partition) })
	if r.Own == nil {
		r.Own = make([]int, r.Shards)
		for i := range r.Own {
			r.Own[i] = i
		}
	}
	r.Own = slices.Clone(r.Own)
	slices.Sort(r.Own)
	return r
}

// claimIn is the claim:
//
//	lock the pipeline; IF the plan is new THEN it must fit the kept state; move the plan version
//	lock the partitions and the shards, making those that are new; IF a topic is another one THEN refuse
//	IF it renews a claim and somebody has claimed since THEN fenced
//	write token, epoch, owner
//	read next offsets, heads, the end of the journal    -- L4: only now
func (l *Ledger) claimIn(ctx context.Context, tx pgx.Tx, req ClaimRequest) (*Claim, error) {
	c := &Claim{Pipeline: req.Pipeline, Instance: req.Instance, Token: req.Token}
	if err := l.lockPipeline(ctx, tx, req, c); err != nil {
		return nil, err
	}
	parts, err := l.lockPartitions(ctx, tx, req)
	if err != nil {
		return nil, err
	}
	shards, err := l.lockShards(ctx, tx, req)
	if err != nil {
		return nil, err
	}
	if rows := req.lost(slices.Concat(parts, shards)); len(rows) > 0 {
		return nil, &FencedError{Pipeline: req.Pipeline, Rows: rows}
	}
	if err := l.take(ctx, tx, req, c.Epoch, parts, shards); err != nil {
		return nil, err
	}
	crash.Point(crash.InClaim)
	c.Previous = holders(parts, shards)
	return c, l.readClaimed(ctx, tx, req, c)
}
