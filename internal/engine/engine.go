package engine

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/operators"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// Engine runs one plan. Its methods are called by one goroutine: Assign, then Open, Feed…, Compute for each batch; Applied and Release when a
// batch is done with; Forget after a failure.
type Engine struct {
	Wiring
	plan   *plan.Pipeline
	lanes  []*lane
	wides  []*wide
	byStep map[plan.Step]*wide
	team   *team

	readers map[string][]*plan.Source // by topic
	place   map[batch.Partition]int   // lane
	tides   map[batch.Partition]*tide
	free    []*bufferSet
	set     *bufferSet // of the open batch
	opened  time.Time
	number  uint32 // of the newest batch
	time    int64  // batch time of the open batch
	prev    int64  // the batch time before it
	mark    int64  // watermark at the start of the open batch
}

// bufferSet is the sinks' buffers of one batch, by sink and lane (B3).
type bufferSet struct{ bySink [][]Buffer }

// New builds the operators of a plan. Close ends its goroutines.
func New(p *plan.Pipeline, w Wiring) (*Engine, error) {
	e := &Engine{Wiring: w, plan: p, byStep: map[plan.Step]*wide{}, readers: map[string][]*plan.Source{}}
	for i := range w.Lanes {
		e.lanes = append(e.lanes, &lane{number: i, sources: map[*plan.Source]*reader{}})
	}
	for _, s := range p.Sources {
		e.readers[s.Topic] = append(e.readers[s.Topic], s)
	}
	if err := e.build(); err != nil {
		return nil, err
	}
	e.team = newTeam(e.lanes)
	return e, nil
}

// Close ends the lanes' goroutines.
func (e *Engine) Close() { e.team.close() }

func newRow(n int) []row.Value { return make([]row.Value, n) }

// Assign tells which partitions there are and where the ledger has them; last is the last batch time.
func (e *Engine) Assign(c batch.Claimed, parts []batch.Partition) {
	e.place, e.tides, e.time, e.mark = map[batch.Partition]int{}, map[batch.Partition]*tide{}, c.Time, c.Watermark
	for i, p := range parts {
		e.place[p] = i % len(e.lanes)
		for _, s := range e.readers[p.Topic] {
			if et := s.EventTime; et != nil {
				e.tides[p] = &tide{
					greatest: batch.NoWatermark, restored: c.Positions[p].Watermark, next: c.Positions[p].Next, end: -1,
					delay: et.Watermark.Microseconds(), patience: et.Idle.Microseconds(),
				}
			}
		}
	}
}

// Open begins a batch.
func (e *Engine) Open(batchTime, watermark int64) {
	e.prev, e.time, e.mark, e.opened = e.time, batchTime, watermark, time.Now()
	e.number++
	if n := len(e.free); n > 0 {
		e.set, e.free = e.free[n-1], e.free[:n-1]
	} else {
		e.set = e.newSet()
	}
	for _, l := range e.lanes {
		l.open(batchTime, watermark, e.set)
	}
}

func (e *Engine) newSet() *bufferSet {
	s := &bufferSet{}
	for _, k := range e.plan.Sinks {
		var lanes []Buffer
		for range e.lanes {
			lanes = append(lanes, e.Buffer(k))
		}
		s.bySink = append(s.bySink, lanes)
	}
	return s
}

func (l *lane) open(batchTime, watermark int64, set *bufferSet) {
	l.ctx.BatchTime, l.ctx.Watermark = batchTime, watermark
	l.counts, l.dead, l.late, l.stopped = batch.Counts{}, nil, nil, nil
	l.held.Store(0)
	l.buffers = l.buffers[:0]
	for _, lanes := range set.bySink {
		l.buffers = append(l.buffers, lanes[l.number])
	}
}

// Feed gives a chunk to the open batch. It returns before the records have run, and blocks only while the lane is behind. A chunk that
// moves nothing may be fed without an open batch: it tells where the partition ends.
func (e *Engine) Feed(c *batch.Chunk, now int64) {
	t := e.tides[c.Partition]
	if t != nil {
		t.caught(c, now)
	}
	if len(c.Records) == 0 {
		c.Done()
		return
	}
	e.team.give(e.place[c.Partition], work{sources: e.readers[c.Partition.Topic], chunk: c, tide: t})
}

// Held is about how many bytes the open batch takes: its rows and its aggregates can be more than the records that they came from. Chunks that
// wait for their lane do not count yet.
func (e *Engine) Held() int64 {
	var n int64
	for _, l := range e.lanes {
		n += l.held.Load()
	}
	return n
}

// Unheard tells that the brokers do not answer: a partition that was silent meanwhile may have input, and is not idle for it.
func (e *Engine) Unheard(now int64) {
	for _, t := range e.tides {
		if t.silent != 0 {
			t.silent = now
		}
	}
}

// Watermark is what the pipeline's watermark is now: it can rise without input, when partitions fall idle.
func (e *Engine) Watermark(now int64) int64 { return watermark(e.mark, e.tides, now) }

// Due tells whether a batch without input at this time would emit. No batch is open.
func (e *Engine) Due(batchTime, now int64) (bool, error) {
	mark := e.Watermark(now)
	for _, w := range e.wides {
		if due, err := w.Due(e.time, batchTime, mark); due || err != nil {
			return due, err
		}
	}
	return false, nil
}

// Compute ends the open batch. The result is nil if there is nothing to commit.
func (e *Engine) Compute(id batch.Token, ranges []batch.Moved, now int64) (*Result, error) {
	e.team.settle()
	cut := time.Now()
	for _, l := range e.lanes {
		if l.stopped != nil {
			return nil, l.stopped
		}
	}
	r := &Result{Rows: e.set.bySink, Deltas: map[int]Delta{}, number: e.number, set: e.set}
	r.Batch = &batch.Batch{ID: id, Time: e.time, Watermark: e.Watermark(now), Partitions: ranges}
	for i := range ranges {
		if t := e.tides[ranges[i].Partition]; t != nil {
			ranges[i].Watermark = t.watermark()
		}
	}
	if err := e.shuffle(r); err != nil {
		return nil, err
	}
	e.collect(r)
	r.Batch.Timings = batch.Timings{Opened: e.opened, Cut: cut, Compute: time.Since(cut)}
	e.mark, e.set = r.Batch.Watermark, nil
	if len(ranges) == 0 && len(r.Deltas) == 0 && r.Batch.Counts.Rows == 0 {
		e.Release(r)
		return nil, nil
	}
	return r, nil
}

// shuffle runs the wide operators in the plan's order, each shard by shard on all lanes.
func (e *Engine) shuffle(r *Result) error {
	deltas := make([]Delta, e.plan.Shards)
	for _, l := range e.lanes {
		c := &l.ctx
		c.Err, c.Stage, c.Staging = nil, "", false
		c.Scratch.Reset()
	}
	for _, w := range e.wides {
		if err := e.team.each(len(e.lanes), func(_, lane int) error { return w.Seal(lane) }); err != nil {
			return err
		}
		err := e.team.each(w.Shards(), func(lane, shard int) error {
			return w.Merge(&operators.Merge{
				Shard: shard, Batch: e.number, Time: e.time, Prev: e.prev, Watermark: r.Batch.Watermark,
				Changes: func() operators.Changes {
					if deltas[shard] == nil {
						deltas[shard] = e.State.NewDelta(shard)
					}
					return deltas[shard]
				},
				Out: &e.lanes[lane].ctx, Emit: w.out[lane],
			})
		})
		if err != nil {
			return err
		}
		w.Reset()
	}
	return e.encode(r, deltas)
}

// encode makes the deltas' bytes, on all lanes.
func (e *Engine) encode(r *Result, deltas []Delta) error {
	for s, d := range deltas {
		if d != nil {
			r.Deltas[s] = d
			r.Batch.Shards = append(r.Batch.Shards, batch.Touched{Shard: s})
		}
	}
	return e.team.each(len(r.Batch.Shards), func(_, i int) error {
		t := &r.Batch.Shards[i]
		var err error
		t.Delta, err = deltas[t.Shard].Encode(nil)
		return err
	})
}

// collect sums up what the lanes have counted and set aside.
func (e *Engine) collect(r *Result) {
	b := r.Batch
	for _, l := range e.lanes {
		b.Counts.In += l.counts.In
		b.Counts.Bytes += l.counts.Bytes
		b.Counts.Filtered += l.counts.Filtered
		b.Counts.Late += l.counts.Late
		b.Counts.Dead += l.counts.Dead
		b.Dead = append(b.Dead, l.dead...)
		b.Late = append(b.Late, l.late...)
	}
	for _, lanes := range r.Rows {
		for _, buf := range lanes {
			b.Counts.Rows += int64(buf.Len())
		}
	}
}

// Applied tells that the result's deltas are in the store: what it changed may leave memory if that is short.
func (e *Engine) Applied(r *Result) {
	var size int64
	for _, w := range e.wides {
		if _, stays := w.Wide.(*operators.BatchWindow); !stays {
			size += w.Size()
		}
	}
	if size <= e.Memory {
		return
	}
	for _, w := range e.wides {
		w.Shrink(r.number)
	}
}

// Release gives the result's buffers back.
func (e *Engine) Release(r *Result) {
	for _, lanes := range r.set.bySink {
		for _, b := range lanes {
			b.Reset()
		}
	}
	e.free = append(e.free, r.set)
}

// Forget drops the open batch and all state that is not in the store. Results that were not released are lost with it.
func (e *Engine) Forget() {
	e.team.settle()
	for _, w := range e.wides {
		w.Reset()
		w.Forget()
	}
	e.set = nil
}

// StateBytes is the decoded state held in memory.
func (e *Engine) StateBytes() int64 {
	var n int64
	for _, w := range e.wides {
		n += w.Size()
	}
	return n
}

// String names the engine in logs.
func (e *Engine) String() string {
	return fmt.Sprintf("%s: %d lanes, %d wide operators", e.plan.Name, len(e.lanes), len(e.wides))
}
