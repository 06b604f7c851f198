package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/millrace/millrace/internal/admin"
	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/offsets"
	"github.com/millrace/millrace/internal/stateful"
)

// snapshotter publishes one shard's state at a time, beside the loop, and trims the deltas behind it. The loop calls all but the upload.
type snapshotter struct {
	store    *stateful.Store // nil: no state
	ledger   *offsets.Ledger
	metrics  *admin.Metrics
	log      *slog.Logger
	pipeline string
	every    time.Duration
	ages     []stateful.Age
	flushed  int64 // batch time of the last flush
	told     bool  // inherit has been called
	busy     bool
	cancel   context.CancelFunc
	done     chan taken
}

// taken is the end of one upload.
type taken struct {
	shard int
	time  int64 // batch time at which the view was taken
	bytes int64
	err   error
}

// partBytes is how large the parts of a snapshot are in the ledger.
const partBytes = 4 << 20

func newSnapshotter(p *parts) *snapshotter {
	s := &snapshotter{
		store: p.store, ledger: p.ledger, metrics: p.metrics, log: p.log, pipeline: p.plan.Name, every: p.plan.SnapshotEvery, done: make(chan taken, 1),
	}
	if s.store != nil {
		for i := range s.store.Shards() {
			s.ages = append(s.ages, stateful.Age{Shard: i})
		}
	}
	return s
}

// inherit notes the deltas that earlier processes have left without a snapshot: such shards are due at once, or a process that never lives as
// long as a period would let them grow for ever.
func (s *snapshotter) inherit(ctx context.Context, heads []batch.Head) {
	if s.store == nil || s.told {
		return
	}
	s.told = true
	for shard, h := range heads {
		if h.Seq == 0 {
			continue
		}
		last, _, err := s.ledger.LatestSnapshot(ctx, s.pipeline, shard)
		if err != nil {
			s.told = false
			return // the next restore asks again
		}
		if h.Seq > last.Seq {
			s.ages[shard].Since, s.ages[shard].Deltas = 1, h.Seq-last.Seq
		}
	}
}

// applied notes what a batch added to the shards' histories.
func (s *snapshotter) applied(b *batch.Batch) {
	for _, t := range b.Shards {
		a := &s.ages[t.Shard]
		if a.Since == 0 {
			a.Since = b.Time
		}
		a.Deltas++
		a.DeltaBytes += int64(len(t.Delta))
	}
}

// next begins the next snapshot that is due at a batch time. The view is taken here, between batches; the upload runs beside.
func (s *snapshotter) next(ctx context.Context, batchTime int64) {
	if s.busy || s.store == nil {
		return
	}
	due := stateful.Due(batchTime, s.every, s.ages)
	if len(due) == 0 {
		return
	}
	view, err := s.store.Snapshot(due[0])
	if err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "snapshot not taken", slog.Int("shard", due[0]), slog.String("error", err.Error()))
		return
	}
	ctx, s.cancel = context.WithCancel(ctx)
	s.busy = true
	s.ages[due[0]] = stateful.Age{Shard: due[0], Since: batchTime, SnapshotBytes: s.ages[due[0]].SnapshotBytes}
	flush := batchTime-s.flushed >= s.every.Microseconds()
	if flush {
		s.flushed = batchTime
	}
	go func() { s.done <- s.publish(ctx, view, batchTime, flush) }()
}

// publish stores a shard's snapshot in the ledger and trims the deltas up to it. Once a period it also flushes the store: what is not flushed when
// the process is killed, the next start replays.
func (s *snapshotter) publish(ctx context.Context, view *stateful.Snapshot, batchTime int64, flush bool) taken {
	end := taken{shard: view.Shard(), time: batchTime}
	h := view.Head()
	parts := func(yield func([]byte, error) bool) {
		for part, err := range view.Parts(partBytes) {
			end.bytes += int64(len(part))
			if !yield(part, err) {
				return
			}
		}
	}
	end.err = s.ledger.PublishSnapshot(ctx, s.pipeline, end.shard, h.Seq, h.ID, parts)
	if err := view.Close(); end.err == nil {
		end.err = err
	}
	if end.err == nil {
		_, end.err = s.ledger.Trim(ctx, s.pipeline, end.shard)
	}
	if end.err == nil && flush {
		end.err = s.store.Flush()
	}
	return end
}

// finished takes the end of an upload. A failure costs nothing but longer deltas: the shard is due again one interval later.
func (s *snapshotter) finished(t taken) {
	s.busy = false
	s.cancel()
	if t.err != nil {
		s.log.Warn("snapshot not published", slog.Int("shard", t.shard), slog.String("error", t.err.Error()))
		return
	}
	s.ages[t.shard].SnapshotBytes = t.bytes
	s.metrics.SnapshotPublished(t.bytes)
	s.log.Debug("snapshot published", slog.Int("shard", t.shard), slog.Int64("bytes", t.bytes))
}

// close ends the upload under way.
func (s *snapshotter) close() {
	if s.busy {
		s.cancel()
		<-s.done
		s.busy = false
	}
}
