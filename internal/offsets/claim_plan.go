package offsets

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

const (
	makePipeline = `INSERT INTO @.pipelines (pipeline, plan_version, plan_hash, signatures, shards, token)
		VALUES ($1, 0, '', '{}', 0, $2) ON CONFLICT (pipeline) DO NOTHING`
	lockPipeline = `SELECT plan_version, plan_hash, signatures, shards, token, epoch FROM @.pipelines WHERE pipeline = $1 FOR UPDATE`
	movePipeline = `UPDATE @.pipelines SET epoch = epoch + 1, plan_version = $2, plan_hash = $3, signatures = $4, shards = $5, token = $6,
		planned_at = CASE WHEN plan_version = $2 THEN planned_at ELSE clock_timestamp() END WHERE pipeline = $1`
)

// Plan is what the ledger keeps of a pipeline's plan.
type Plan struct {
	Version    int64
	Hash       string
	Signatures map[string]string
	Shards     int
}

// lockPipeline locks the pipeline's row, settles the plan version and counts the claim.
func (l *Ledger) lockPipeline(ctx context.Context, tx pgx.Tx, req ClaimRequest, c *Claim) error {
	if _, err := tx.Exec(ctx, l.sql(makePipeline), req.Pipeline, uuid(req.Token)); err != nil {
		return fmt.Errorf("make the pipeline's row: %w", err)
	}
	var (
		kept Plan
		tok  pgtype.UUID
	)
	err := tx.QueryRow(ctx, l.sql(lockPipeline), req.Pipeline).Scan(&kept.Version, &kept.Hash, &kept.Signatures, &kept.Shards, &tok, &c.Epoch)
	if err != nil {
		return fmt.Errorf("lock the pipeline's row: %w", err)
	}
	c.Epoch++
	c.PlanVersion, c.PlanToken = kept.Version, token(tok)
	if kept.Version == 0 || kept.Hash != req.PlanHash || kept.Shards != req.Shards {
		if err := fits(req.Pipeline, kept, req.Signatures, req.Shards); err != nil {
			return err
		}
		c.PlanVersion, c.PlanToken, c.NewPlan = kept.Version+1, req.Token, true
	}
	sigs := req.Signatures
	if sigs == nil {
		sigs = map[string]string{}
	}
	_, err = tx.Exec(ctx, l.sql(movePipeline), req.Pipeline, c.PlanVersion, req.PlanHash, sigs, req.Shards, uuid(c.PlanToken))
	if err != nil {
		return fmt.Errorf("write the plan version: %w", err)
	}
	return nil
}

// Verdict says what becomes of an operator's state under another plan.
type Verdict uint8

// The verdicts.
const (
	Kept    Verdict = iota // it fits
	Fresh                  // the ledger has none: the operator starts empty
	Changed                // it does not fit: refused
	Gone                   // the plan no longer has the operator: refused, because its state would come back stale with it
)

// Change is the fate of one operator's state.
type Change struct {
	Operator  string
	Kept, New string // signatures; empty where there is none
	Verdict   Verdict
}

// ComparePlans says what becomes of each operator's state, in the order of operator ids.
func ComparePlans(kept, now map[string]string) []Change {
	ids := slices.Collect(maps.Keys(kept))
	for id := range now {
		if _, both := kept[id]; !both {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	changes := make([]Change, len(ids))
	for i, id := range ids {
		changes[i] = compareOperator(id, kept, now)
	}
	return changes
}

func compareOperator(id string, kept, now map[string]string) Change {
	k, had := kept[id]
	n, has := now[id]
	c := Change{Operator: id, Kept: k, New: n}
	switch {
	case !had:
		c.Verdict = Fresh
	case !has:
		c.Verdict = Gone
	case k != n:
		c.Verdict = Changed
	}
	return c
}

// fits refuses a plan that the kept state does not fit. The number of shards may change only while there is no state.
func fits(pipeline string, kept Plan, now map[string]string, shards int) error {
	for _, c := range ComparePlans(kept.Signatures, now) {
		if c.Verdict == Changed || c.Verdict == Gone {
			return &PlanMismatch{Pipeline: pipeline, Operator: c.Operator, Kept: c.Kept, New: c.New}
		}
	}
	if len(kept.Signatures) > 0 && kept.Shards != shards {
		return &ShardsChanged{Pipeline: pipeline, Kept: kept.Shards, New: shards}
	}
	return nil
}
