package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/admin"
	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/crash"
	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/offsets"
	"github.com/millrace/millrace/internal/stateful"
)

// loop drives the machine (W2).
type loop struct {
	*parts
	m      *batch.Machine
	claim  *offsets.Claim // the newest; nil before the first
	tried  []batch.Token  // of claims since then whose outcome is not known
	input  *poller
	snaps  *snapshotter
	report *reporter
	prune  *pruner

	pending   []batch.Chunk // polled and not fed yet, of the positions that the machine has
	results   map[batch.Token]*engine.Result
	committed chan outcome
	sending   bool // a commit is under way, or its end waits in committed
	wake      <-chan time.Time
	kafkaDown bool
	ended     bool
	err       error
}

// outcome is how a commit ended.
type outcome struct {
	err  error
	took time.Duration
}

func now() int64 { return time.Now().UnixMicro() }

func newToken() (t batch.Token) {
	_, _ = rand.Read(t[:])                      // never fails
	t[6], t[8] = t[6]&0x0f|0x40, t[8]&0x3f|0x80 // an UUID of version 4, for people who read the ledger
	return t
}

// run takes the machine's steps until it ends.
func (l *loop) run(ctx context.Context, drain <-chan struct{}) error {
	l.take(ctx, l.m.Begin())
	health := time.NewTicker(time.Second)
	defer health.Stop()
	for !l.ended {
		if l.feedPending(ctx) {
			continue
		}
		l.input.want(l.m.WantsInput() && len(l.pending) == 0)
		tick, stop := l.ticker()
		select {
		case got := <-l.input.got:
			l.input.busy = false
			l.receive(ctx, got)
		case end := <-l.committed:
			l.settled(ctx, end)
		case <-tick:
			l.tick(ctx)
		case <-l.wake:
			l.wake = nil
			l.take(ctx, l.m.OnWoken())
		case d := <-l.snaps.done:
			l.snaps.finished(d)
		case <-health.C:
			l.report.health(l)
			l.prune.due(ctx, time.Now())
		case <-drain:
			drain = nil
			l.status.Set(admin.Running, "draining: finishing what is in hand")
			l.log.Info("draining")
			crash.Point(crash.InShutdown)
			l.take(ctx, l.m.OnDrain())
		case <-ctx.Done():
			l.end(ErrStopped)
		}
		stop()
	}
	return l.err
}

// ticker fires when the machine wants to know the time.
func (l *loop) ticker() (<-chan time.Time, func()) {
	n := now()
	at := l.m.NextTick(n)
	if at == 0 {
		return nil, func() {}
	}
	t := time.NewTimer(time.Duration(at-n) * time.Microsecond)
	return t.C, func() { t.Stop() }
}

// listen keeps partitions from falling idle while Kafka does not answer: that they are silent says nothing then.
func (l *loop) listen(now int64) {
	if l.input.consumer.Health().Err != nil {
		l.engine.Unheard(now)
	}
}

func (l *loop) tick(ctx context.Context) {
	n := now()
	due := false
	l.listen(n)
	if at, ok := l.m.TimerTime(n); ok && !l.m.Filling() {
		var err error
		if due, err = l.engine.Due(at, n); err != nil {
			l.fail(ctx, err)
			return
		}
	}
	l.take(ctx, l.m.OnTick(n, due))
}

// receive keeps what was polled until the machine takes it.
func (l *loop) receive(ctx context.Context, got fetched) {
	var halt *ingest.Halt
	if errors.As(got.err, &halt) {
		l.halted(ctx, halt)
		return
	}
	if got.err != nil {
		l.fail(ctx, fmt.Errorf("poll: %w", got.err))
		return
	}
	crash.Point(crash.AfterPoll)
	l.pending = append(l.pending, got.chunks...)
}

// feedPending hands one polled chunk to the machine; false if there is none that it wants.
func (l *loop) feedPending(ctx context.Context) bool {
	if len(l.pending) == 0 || !l.m.WantsInput() {
		return false
	}
	c := l.pending[0]
	if room := l.m.Room(); len(c.Records) > room {
		c, l.pending[0] = c.Split(room) // the cap is exact
	} else {
		l.pending = l.pending[1:]
	}
	for _, step := range l.m.OnFetched(&c, now()) {
		if _, feed := step.(batch.Feed); feed {
			l.engine.Feed(&c, now())
			continue
		}
		l.take(ctx, []batch.Do{step})
	}
	l.take(ctx, l.m.OnGrown(l.engine.Held()))
	return true
}

// take takes steps in order.
func (l *loop) take(ctx context.Context, steps []batch.Do) {
	for _, step := range steps {
		if l.ended {
			return
		}
		switch s := step.(type) {
		case batch.Claim:
			l.doClaim(ctx)
		case batch.Restore:
			l.doRestore(ctx, s)
		case batch.Open:
			l.engine.Open(s.Time, s.Watermark)
		case batch.Compute:
			l.doCompute(ctx, s)
		case batch.Send:
			l.doSend(ctx, s.Batch)
		case batch.Apply:
			l.doApply(ctx, s.Batch)
		case batch.Forget:
			l.doForget()
		case batch.Wait:
			l.wake = time.After(time.Duration(s.Micros) * time.Microsecond)
		case batch.End:
			l.end(s.Err)
		default:
			l.end(fmt.Errorf("machine asks for %T here", step))
		}
	}
}

func (l *loop) end(err error) {
	l.ended, l.err = true, err
}

func (l *loop) doClaim(ctx context.Context) {
	req := l.request(newToken())
	req.After, req.Tried = l.claim, l.tried
	claim, err := l.ledger.Claim(ctx, req)
	if err != nil {
		if errors.Is(err, offsets.ErrInDoubt) {
			l.tried = append(l.tried, req.Token)
		}
		l.fail(ctx, fmt.Errorf("claim: %w", err))
		return
	}
	l.claim, l.tried = claim, nil
	l.status.Set(admin.Claimed, "")
	l.status.Set(admin.Postgres, "")
	l.report.claimed(claim)
	facts := claimed(claim)
	l.engine.Assign(facts, l.partitions)
	l.take(ctx, l.m.OnClaimed(facts))
}

// doRestore brings state and consumption to the claim.
func (l *loop) doRestore(ctx context.Context, s batch.Restore) {
	start := time.Now()
	var want []stateful.Claimed
	for shard, h := range s.Heads {
		want = append(want, stateful.Claimed{Shard: shard, Head: stateful.Head(h)})
	}
	if l.store != nil {
		rep, err := l.store.Restore(ctx, history{l.ledger, l.plan.Name}, want)
		if err != nil {
			l.status.Set(admin.State, err.Error())
			l.fail(ctx, fmt.Errorf("restore: %w", err))
			return
		}
		l.report.restored(rep, time.Since(start))
	}
	l.status.Set(admin.State, "")
	l.snaps.inherit(ctx, s.Heads)
	if err := l.seek(ctx, s.Positions); err != nil {
		l.fail(ctx, err)
		return
	}
	l.report.placed(l)
	l.take(ctx, l.m.OnRestored())
}

// seek moves consumption to the claimed positions; what was polled before is dropped.
func (l *loop) seek(ctx context.Context, positions map[batch.Partition]batch.Position) error {
	l.input.stop()
	l.pending = nil
	var to []ingest.Assignment
	for _, p := range l.partitions {
		at := positions[p]
		to = append(to, ingest.Assignment{Partition: p, Offset: at.Next, LeaderEpoch: at.LeaderEpoch})
	}
	return l.input.seek(ctx, l.kafka, l.topics, to)
}

func (l *loop) doCompute(ctx context.Context, s batch.Compute) {
	n := now()
	l.listen(n)
	r, err := l.engine.Compute(newToken(), s.Ranges, n)
	if err != nil {
		l.fail(ctx, err)
		return
	}
	if r == nil {
		l.take(ctx, l.m.OnComputed(nil))
		return
	}
	crash.Point(crash.AfterCompute)
	l.results[r.Batch.ID] = r
	l.take(ctx, l.m.OnComputed(r.Batch))
}

// doSend commits beside the loop, which may fill the next batch meanwhile.
func (l *loop) doSend(ctx context.Context, b *batch.Batch) {
	r := l.results[b.ID]
	writers := l.writers(r)
	claim, start := l.claim, time.Now()
	l.sending = true
	l.metrics.InFlight(1)
	go func() {
		err := l.ledger.Commit(ctx, l.plan.Delivery, claim, b, writers)
		l.committed <- outcome{err: err, took: time.Since(start)}
	}()
}

// settled takes the end of the commit under way.
func (l *loop) settled(ctx context.Context, end outcome) {
	l.sending = false
	l.metrics.InFlight(0)
	if end.err != nil {
		l.fail(ctx, fmt.Errorf("commit: %w", end.err))
		return
	}
	l.status.Set(admin.Postgres, "")
	l.report.took = end.took
	l.take(ctx, l.m.OnCommitted())
}

// doApply brings local state to the committed batch, and gives its buffers back (W3).
func (l *loop) doApply(ctx context.Context, b *batch.Batch) {
	r := l.results[b.ID]
	delete(l.results, b.ID)
	if err := l.apply(r); err != nil {
		l.fail(ctx, fmt.Errorf("apply: %w", err))
		return
	}
	l.engine.Applied(r)
	l.print(r)
	l.report.committed(l, b)
	l.snaps.applied(b)
	l.engine.Release(r)
	l.snaps.next(ctx, b.Time)
}

func (l *loop) apply(r *engine.Result) error {
	if len(r.Batch.Shards) == 0 {
		return nil
	}
	changes := make([]stateful.Change, 0, len(r.Batch.Shards))
	for _, t := range r.Batch.Shards {
		d := r.Deltas[t.Shard].(*stateful.Delta)
		changes = append(changes, stateful.Change{Delta: d, Head: stateful.Head{Seq: t.Seq, ID: r.Batch.ID}})
	}
	if err := l.store.ApplyAll(changes); err != nil {
		return err
	}
	for _, c := range changes {
		c.Delta.Release()
	}
	return nil
}

func (l *loop) doForget() {
	l.engine.Forget()
	clear(l.results)
	l.pending = nil
}

// fail tells the machine of an error and people of what it means.
func (l *loop) fail(ctx context.Context, err error) {
	if ctx.Err() != nil {
		l.end(ErrStopped)
		return
	}
	class := classify(err)
	l.metrics.CommitFailed(class)
	switch class {
	case batch.Fenced:
		l.status.Set(admin.Claimed, err.Error())
		err = fmt.Errorf("%w: %w", ErrFenced, err)
	case batch.InDoubt, batch.Unavailable:
		l.status.Set(admin.Postgres, offsets.Explain(err))
		l.report.paused(class, offsets.Explain(err))
	default:
		l.status.Set(admin.Running, err.Error())
		if l.claim == nil {
			err = refuse(err) // nothing has been processed: the plan, the topics or the rights do not fit
		}
	}
	l.take(ctx, l.m.OnFailed(class, err))
}

// classify sorts the errors of all that a step can touch.
func classify(err error) batch.Class {
	var fault *engine.RecordError
	if errors.As(err, &fault) || errors.Is(err, stateful.ErrStoreDead) {
		return batch.Misconfigured
	}
	if errors.Is(err, offsets.ErrSnapshotGone) || errors.Is(err, stateful.ErrHeadMoved) {
		return batch.Unavailable // somebody published or committed while it was read: the next claim tells
	}
	return offsets.Classify(err)
}

func (l *loop) halted(ctx context.Context, h *ingest.Halt) {
	l.report.halted(l, h)
	l.take(ctx, l.m.OnHalted(h.Partition))
}
