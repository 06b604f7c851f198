package stateful

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/crash"
)

// Source is the ledger as a restore reads it. Its methods are called for several shards at a time.
type Source interface {
	// Deltas gives a shard's deltas with after < seq <= until, in ascending order, those that the ledger has. Bytes are valid until the next.
	Deltas(ctx context.Context, shard int, after, until int64) iter.Seq2[StoredDelta, error]
	// LatestSnapshot returns the head of a shard's newest snapshot; false if there is none.
	LatestSnapshot(ctx context.Context, shard int) (Head, bool, error)
	// SnapshotParts gives the bytes of that snapshot in the order in which Parts gave them; each is valid until the next.
	SnapshotParts(ctx context.Context, shard int, of Head) iter.Seq2[[]byte, error]
}

// StoredDelta is a delta as the ledger keeps it. Bytes may be empty: the batch fenced the shard and changed nothing.
type StoredDelta struct {
	Head  Head
	Prev  batch.Token
	Bytes []byte
}

// Claimed is a shard that this instance owns and the head that its claim read.
type Claimed struct {
	Shard int
	Head  Head
}

// Restore brings every claimed shard to exactly the head of the claim (S4), several at a time. Shards whose local state is there already cost
// nothing, those a delta behind one query. It may be called at any time for shards that nothing is being applied to. After an error of the
// source it can be called again and goes on from where it was.
func (s *Store) Restore(ctx context.Context, src Source, claimed []Claimed) (Report, error) {
	report := Report{Shards: make([]ShardReport, len(claimed))}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(s.opts.RestoreWorkers)
	for i, c := range claimed {
		report.Shards[i] = ShardReport{Shard: c.Shard, Head: c.Head}
		if at, ok := s.Marker(c.Shard); ok && at == c.Head {
			continue // no goroutine for the usual case
		}
		g.Go(func() error {
			if err := s.restoreShard(ctx, src, c, &report.Shards[i]); err != nil {
				return fmt.Errorf("restore shard %d to %s: %w", c.Shard, c.Head, err)
			}
			return nil
		})
	}
	return report, g.Wait()
}

func (s *Store) restoreShard(ctx context.Context, src Source, c Claimed, report *ShardReport) error {
	sh := &s.shards[c.Shard]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if err := s.Err(); err != nil {
		return err
	}
	local, ok := s.Marker(c.Shard)
	r := restorer{store: s, src: src, shard: c.Shard, report: report, plan: planner{target: c.Head}}
	next, err := r.plan.start(local, ok), error(nil)
	for next != done {
		if err := ctx.Err(); err != nil {
			return err
		}
		if next == fail {
			return r.plan.err
		}
		if next, err = r.do(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// restorer carries out the planner's actions for one shard, whose lock is held.
type restorer struct {
	store  *Store
	src    Source
	shard  int
	report *ShardReport
	plan   planner
}

func (r *restorer) do(ctx context.Context, a action) (action, error) {
	switch a {
	case doDrop:
		if r.plan.cause != nil {
			r.store.opts.Logger.Warn("local state dropped", slog.Int("shard", r.shard), slog.Any("reason", r.plan.cause))
		}
		r.report.Dropped = r.plan.cause != nil
		return r.plan.dropped(), r.store.drop(r.shard)
	case askSnapshot:
		head, ok, err := r.src.LatestSnapshot(ctx, r.shard)
		if err != nil {
			return a, fmt.Errorf("ask for snapshot: %w", err)
		}
		return r.plan.snapshot(head, ok), nil
	case startEmpty:
		return r.plan.based(Head{}), r.store.mark(r.shard, Head{})
	case loadSnapshot:
		return r.load(ctx, r.plan.at)
	default:
		return r.catchUp(ctx)
	}
}

// load loads a snapshot; the marker comes last (S2).
func (r *restorer) load(ctx context.Context, head Head) (action, error) {
	l := r.store.newLoader(r.shard, head)
	defer l.close()
	for part, err := range r.src.SnapshotParts(ctx, r.shard, head) {
		if err == nil {
			err = l.add(part)
		}
		if err != nil {
			return fail, fmt.Errorf("load snapshot %s: %w", head, err)
		}
		crash.Point(crash.MidRestore)
	}
	if err := l.finish(); err != nil {
		return fail, fmt.Errorf("load snapshot %s: %w", head, err)
	}
	r.report.Snapshot, r.report.Keys, r.report.Bytes = head, l.keys, r.report.Bytes+l.bytes
	return r.plan.based(head), r.store.mark(r.shard, head)
}

// catchUp applies deltas until the ledger has no more, or one that does not follow.
func (r *restorer) catchUp(ctx context.Context) (action, error) {
	d := r.store.NewDelta(r.shard)
	defer d.Release()
	for stored, err := range r.src.Deltas(ctx, r.shard, r.plan.at.Seq, r.plan.target.Seq) {
		if err != nil {
			return fail, fmt.Errorf("read deltas after %d: %w", r.plan.at.Seq, err)
		}
		if next := r.plan.delta(stored.Head, stored.Prev); next != applyDelta {
			return next, nil
		}
		if err := r.apply(d, stored); err != nil {
			if errors.Is(err, ErrDamaged) && r.store.Err() == nil {
				return r.plan.mismatch(fmt.Errorf("delta %d: %w", stored.Head.Seq, err)), nil
			}
			return fail, err
		}
		crash.Point(crash.MidRestore)
	}
	return r.plan.ended(), nil
}

func (r *restorer) apply(d *Delta, stored StoredDelta) error {
	d.Reset()
	if len(stored.Bytes) > 0 {
		if err := d.Decode(stored.Bytes); err != nil {
			return err
		}
	}
	if err := r.store.apply(d, stored.Head); err != nil {
		return err
	}
	r.plan.applied(stored.Head)
	r.report.Deltas++
	r.report.Bytes += int64(len(stored.Bytes))
	return nil
}
