package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/offsets"
	"github.com/millrace/millrace/internal/plan"
)

// pruner deletes what is older than the pipeline's retention, beside the loop.
type pruner struct {
	ledger *offsets.Ledger
	log    *slog.Logger
	plan   *plan.Pipeline
	last   time.Time
	under  sync.WaitGroup
}

// pruneEvery is how often it looks; retention is in hours and days.
const pruneEvery = 10 * time.Minute

// due starts a round if the last one is long enough ago and there is a retention at all.
func (p *pruner) due(ctx context.Context, now time.Time) {
	if p.plan.Retention == (plan.Retention{}) || now.Sub(p.last) < pruneEvery {
		return
	}
	p.last = now
	p.under.Go(func() {
		n, err := p.ledger.Prune(ctx, p.plan.Name, offsets.Retention(p.plan.Retention))
		if err != nil {
			p.log.WarnContext(ctx, "retention: nothing pruned this time", slog.String("error", err.Error()))
			return
		}
		p.log.DebugContext(ctx, "retention: pruned", slog.Int64("rows", n))
	})
}

func (p *pruner) wait() { p.under.Wait() }
