package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/internal/admin"
	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/plan"
)

// Run runs a pipeline until it is drained, has reached the end of what is there (available-now), fails, or ctx ends, which stops it at once. It
// returns when everything that it started has ended.
func Run(ctx context.Context, o Options) error {
	p := &parts{
		plan: o.Pipeline, instance: o.Config.Instance, log: o.Logger, status: admin.NewStatus(time.Now), metrics: admin.NewMetrics(o.Version),
	}
	server, err := admin.Listen(ctx, o.Config.HTTPAddr)
	if err != nil {
		return refuse(err)
	}
	defer server.Close()
	defer p.close()
	p.status.Set(admin.Running, "starting")

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error {
		err := server.Serve(ctx, p.status, p.metrics)
		if err != nil { // batches go on; whoever probes it will notice
			p.log.ErrorContext(ctx, "health and metrics are not served any more", slog.String("error", err.Error()))
		}
		return nil
	})
	g.Go(func() error {
		defer stop() // the end of the loop is the end of all
		if err := open(ctx, o, p); err != nil {
			return err
		}
		return p.loop(ctx, o)
	})
	return g.Wait()
}

// loop runs batches until the machine ends.
func (p *parts) loop(ctx context.Context, o Options) error {
	pace := batch.Pace{Interval: p.plan.Interval.Microseconds()}
	l := &loop{
		parts: p, m: batch.NewMachine(pace, batch.Caps{Records: p.plan.Caps.MaxRecords, Bytes: p.plan.Caps.MaxBytes}),
		input: newPoller(), snaps: newSnapshotter(p), report: &reporter{log: p.log, metrics: p.metrics, halts: map[batch.Partition]bool{}},
		prune: &pruner{ledger: p.ledger, log: p.log, plan: p.plan}, results: map[batch.Token]*engine.Result{}, committed: make(chan outcome, 1),
	}
	if o.Config.Trigger == config.AvailableNow {
		ends, err := p.ends(ctx)
		if err != nil {
			return refuse(err)
		}
		l.m.EndAt(ends)
	}
	p.status.Set(admin.Running, "")
	ctx, stop := context.WithCancel(ctx)
	err := l.run(ctx, o.Drain)
	if l.sending {
		<-l.committed // what stopped the loop is no fault of the batch before, and at-most-once would lose it; it uses its buffers too
	}
	stop()
	l.input.close()
	l.snaps.close()
	l.prune.wait()
	return err
}

// ends resolves where the topics end now.
func (p *parts) ends(ctx context.Context) (map[batch.Partition]int64, error) {
	ends := map[batch.Partition]int64{}
	var errs []error
	for _, t := range p.topics {
		at, err := p.kafka.Resolve(ctx, t, plan.Start{Kind: plan.Latest})
		errs = append(errs, err)
		for id, offset := range at {
			ends[batch.Partition{Topic: t.Name, ID: id}] = offset
		}
	}
	return ends, errors.Join(errs...)
}
