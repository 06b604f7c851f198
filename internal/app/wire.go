package app

import (
	"context"
	"iter"
	"log/slog"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/offsets"
	"github.com/millrace/millrace/internal/sinks"
	"github.com/millrace/millrace/internal/stateful"
)

// The adapters fit their ports.
var (
	_ engine.State    = state{}
	_ engine.Buffer   = (*sinks.Buffer)(nil)
	_ engine.Buffer   = (*sinks.Lines)(nil)
	_ engine.Delta    = (*stateful.Delta)(nil)
	_ stateful.Source = history{}
	_ offsets.Writer  = (*sinks.Writer)(nil)
)

// state is the store as the engine sees it.
type state struct{ *stateful.Store }

// NewDelta returns an empty delta.
func (s state) NewDelta(shard int) engine.Delta { return s.Store.NewDelta(shard) }

// history is the ledger as a restore reads it.
type history struct {
	ledger   *offsets.Ledger
	pipeline string
}

// Deltas gives a shard's deltas with after < seq <= until.
func (h history) Deltas(ctx context.Context, shard int, after, until int64) iter.Seq2[stateful.StoredDelta, error] {
	return func(yield func(stateful.StoredDelta, error) bool) {
		for d, err := range h.ledger.Deltas(ctx, h.pipeline, shard, after, until) {
			if !yield(stateful.StoredDelta{Head: stateful.Head{Seq: d.Seq, ID: d.ID}, Prev: d.Prev, Bytes: d.Bytes}, err) {
				return
			}
		}
	}
}

// LatestSnapshot returns the head of a shard's newest snapshot.
func (h history) LatestSnapshot(ctx context.Context, shard int) (stateful.Head, bool, error) {
	s, ok, err := h.ledger.LatestSnapshot(ctx, h.pipeline, shard)
	return stateful.Head{Seq: s.Seq, ID: s.ID}, ok, err
}

// SnapshotParts gives that snapshot's bytes. If a newer one has been published since, the restore begins anew with it.
func (h history) SnapshotParts(ctx context.Context, shard int, of stateful.Head) iter.Seq2[[]byte, error] {
	s, ok, err := h.ledger.LatestSnapshot(ctx, h.pipeline, shard)
	if err == nil && (!ok || s.Seq != of.Seq || s.ID != of.ID) {
		err = offsets.ErrSnapshotGone
	}
	if err != nil {
		return func(yield func([]byte, error) bool) { yield(nil, err) }
	}
	return h.ledger.SnapshotParts(ctx, h.pipeline, shard, s)
}

// claimed turns a claim into the facts that the machine needs.
func claimed(c *offsets.Claim) batch.Claimed {
	facts := batch.Claimed{Token: c.Token, Positions: map[batch.Partition]batch.Position{}, Watermark: c.Watermark}
	if c.LastTime != batch.NoWatermark {
		facts.Time = c.LastTime
	}
	for p, at := range c.Partitions {
		facts.Positions[p] = batch.Position{Next: at.Next, LeaderEpoch: at.LeaderEpoch, Watermark: at.Watermark}
	}
	for _, h := range c.Heads {
		facts.Heads = append(facts.Heads, batch.Head{Seq: h.Seq, ID: h.ID})
	}
	return facts
}

// writers gives the commit the rows of each Postgres sink that has some.
func (p *parts) writers(r *engine.Result) []offsets.Writer {
	var w []offsets.Writer
	for i, s := range p.plan.Sinks {
		t := p.tables[s]
		if t == nil {
			continue
		}
		buffers := make([]*sinks.Buffer, 0, len(r.Rows[i]))
		rows := 0
		for _, b := range r.Rows[i] {
			buffers = append(buffers, b.(*sinks.Buffer))
			rows += b.Len()
		}
		if rows > 0 {
			w = append(w, t.Writer(buffers))
		}
	}
	return w
}

// print gives a committed batch's rows to the console sinks.
func (p *parts) print(r *engine.Result) {
	for i, s := range p.plan.Sinks {
		c := p.consoles[s]
		if c == nil {
			continue
		}
		var lines []*sinks.Lines
		for _, b := range r.Rows[i] {
			lines = append(lines, b.(*sinks.Lines))
		}
		if err := c.Print(r.Batch.Time, lines); err != nil {
			p.log.Warn("console sink", slog.String("sink", s.Name), slog.String("error", err.Error()))
		}
	}
}
