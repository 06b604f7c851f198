package operators

import (
	"fmt"
	"math"
	"slices"

	"github.com/millrace/millrace/internal/plan"
)

// windowed is what both kinds of reduceByKeyAndWindow share.
type windowed struct {
	keyed
	id      uint32
	shards  []*panes
	touched [][]place // by shard, of the batch in hand
}

// place is one key of one pane.
type place struct {
	time  int64
	entry uint32
}

func newWindowed(c Config) windowed {
	w := windowed{keyed: newKeyed(c), id: c.Op.StateID(), shards: make([]*panes, c.Shards), touched: make([][]place, c.Shards)}
	w.Forget()
	return w
}

// Forget drops all that is not in the store.
func (w *windowed) Forget() {
	for s := range w.shards {
		w.shards[s] = newPanes(w.layout)
	}
}

// Size is the state held in memory.
func (w *windowed) Size() int64 {
	var n int64
	for _, p := range w.shards {
		n += p.size()
	}
	return n
}

// Shrink drops from memory what the store has (OP3).
func (w *windowed) Shrink(applied uint32) {
	for _, p := range w.shards {
		p.shrink(applied)
	}
}

func (w *windowed) state(shard int) (*panes, error) {
	p := w.shards[shard]
	if err := p.load(w.Store, shard, w.id, w.Memory/int64(w.Config.Shards)); err != nil {
		return nil, fmt.Errorf("%s: load state: %w", w.stage, err)
	}
	return p, nil
}

// fold merges the batch's partials of one shard into its panes and writes the changed keys to the delta.
func (w *windowed) fold(m *Merge, p *panes) error {
	touched := w.touched[m.Shard][:0]
	for _, in := range w.partials {
		for _, j := range in.of(m.Shard) {
			key := in.table.key(int(j))
			time, rest := windowOf(key), key[windowBytes:]
			t, i, err := p.lookup(w.Store, m.Shard, w.id, time, rest, hashKey(rest))
			if err != nil {
				return fmt.Errorf("%s: read state: %w", w.stage, err)
			}
			if err := w.layout.merge(t.acc(i), in.table.acc(int(j))); err != nil {
				return w.fault(err, rest)
			}
			if e := &t.entries[i]; e.mark != m.Batch {
				e.mark = m.Batch
				touched = append(touched, place{time: time, entry: uint32(i)})
			}
		}
	}
	w.touched[m.Shard] = touched
	if len(touched) == 0 {
		return nil
	}
	changes := m.Changes()
	for _, at := range touched {
		p.put(w.id, at.time, p.byTime[at.time], int(at.entry), changes)
	}
	return nil
}

// EventWindow is reduceByKeyAndWindow over tumbling windows of event time. A pane is a window, its time the window's start.
type EventWindow struct {
	windowed
	size, lateness int64
}

// NewEventWindow returns an event-time window operator. stream is its stream's name, for late rows.
func NewEventWindow(c Config, stream string) *EventWindow {
	w := &EventWindow{windowed: newWindowed(c), size: c.Op.Tumbling.Microseconds(), lateness: c.Op.Lateness.Microseconds()}
	for _, p := range w.partials {
		p.window = func(ctx *Context) (int64, bool) {
			start := startOf(ctx.EventTime, w.size)
			if start <= w.closed(ctx.Watermark) {
				if !slices.Contains(ctx.Late, stream) { // a record can give several rows
					ctx.Late = append(ctx.Late, stream)
				}
				return 0, false
			}
			return start, true
		}
	}
	return w
}

// startOf is the start of the tumbling window that holds t: a multiple of size since 1970-01-01 UTC.
func startOf(t, size int64) int64 {
	r := t % size
	if r < 0 {
		r += size
	}
	return t - r
}

// closed is the latest start of a window that has closed under a watermark: start + size + lateness <= watermark.
func (w *EventWindow) closed(watermark int64) int64 {
	if watermark < never+w.size+w.lateness {
		return never
	}
	return watermark - w.lateness - w.size
}

// Merge folds the batch into its windows, emits corrections if asked to, and closes the windows that the watermark has passed.
func (w *EventWindow) Merge(m *Merge) error {
	p, err := w.state(m.Shard)
	if err != nil {
		return err
	}
	if err := w.fold(m, p); err != nil {
		return err
	}
	b := w.rowsOf(m.Shard)
	if w.op.Emit == plan.EmitUpdate {
		for _, at := range w.touched[m.Shard] {
			t := p.byTime[at.time]
			if err := w.emit(m, b, t.key(int(at.entry)), t.acc(int(at.entry)), at.time); err != nil {
				return err
			}
		}
	}
	return w.close(m, p, b)
}

func (w *EventWindow) close(m *Merge, p *panes, b *rowBuffers) error {
	until := w.closed(m.Watermark)
	if until <= p.gone {
		return nil
	}
	if err := p.fetch(w.Store, m.Shard, w.id, until); err != nil {
		return fmt.Errorf("%s: read state: %w", w.stage, err)
	}
	if w.op.Emit == plan.EmitClose {
		for _, start := range p.times {
			if start > until {
				break
			}
			m.Changes() // what is emitted is fenced by its shard
			t := p.byTime[start]
			for i := range t.entries {
				if err := w.emit(m, b, t.key(i), t.acc(i), start); err != nil {
					return err
				}
			}
		}
	}
	p.drop(until, w.id, m.Changes)
	return nil
}

// Due tells whether the watermark closes a window.
func (w *EventWindow) Due(_, _, watermark int64) (bool, error) {
	until := w.closed(watermark)
	for s := range w.shards {
		p, err := w.state(s)
		if err != nil {
			return false, err
		}
		if due, err := p.any(w.Store, s, w.id, until); due || err != nil {
			return due, err
		}
	}
	return false, nil
}

// BatchWindow is reduceByKeyAndWindow {length, slide} over batch time: at every multiple of slide it emits, for each key, the aggregates of the
// batches of the last length. A pane's time is its end: the least multiple of the pane's width at or after the batch time.
type BatchWindow struct {
	windowed
	length, slide, width int64
	sums                 []*table // by shard: one window's aggregates
}

// NewBatchWindow returns a batch-time window operator.
func NewBatchWindow(c Config) *BatchWindow {
	c.Memory = math.MaxInt64
	w := &BatchWindow{windowed: newWindowed(c), length: c.Op.Length.Microseconds(), slide: c.Op.Slide.Microseconds()}
	w.width = gcd(w.length, w.slide)
	for range c.Shards {
		w.sums = append(w.sums, newTable(w.layout))
	}
	for _, p := range w.partials {
		p.window = func(ctx *Context) (int64, bool) { return ceil(ctx.BatchTime, w.width), true }
	}
	return w
}

// Shrink does nothing: every pane is read at every slide, so all of them stay in memory.
func (w *BatchWindow) Shrink(uint32) {}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func ceil(t, step int64) int64 { return startOf(t+step-1, step) }

// Merge folds the batch into its pane and emits the windows that end after the batch before it and up to this one.
func (w *BatchWindow) Merge(m *Merge) error {
	p, err := w.state(m.Shard)
	if err != nil {
		return err
	}
	if err := w.fold(m, p); err != nil {
		return err
	}
	last := startOf(m.Time, w.slide)
	for end := w.firstDue(p, m.Prev); end <= last && len(p.times) > 0; end = w.firstDue(p, end) {
		if err := w.emitWindow(m, p, end); err != nil {
			return err
		}
		p.drop(end+w.slide-w.length, w.id, m.Changes)
	}
	return nil
}

// firstDue is the end of the first window after prev that can hold a pane.
func (w *BatchWindow) firstDue(p *panes, prev int64) int64 {
	end := startOf(prev, w.slide) + w.slide
	if len(p.times) > 0 {
		end = max(end, ceil(p.times[0], w.slide))
	}
	return end
}

// emitWindow emits the window (end-length, end].
func (w *BatchWindow) emitWindow(m *Merge, p *panes, end int64) error {
	sum := w.sums[m.Shard]
	sum.reset()
	for _, time := range p.times {
		if time <= end-w.length || time > end {
			continue
		}
		m.Changes() // what is emitted is fenced by its shard
		t := p.byTime[time]
		for i := range t.entries {
			key, hash := t.key(i), t.entries[i].hash
			j := sum.find(key, hash)
			if j < 0 {
				j = sum.insert(key, hash)
			}
			if err := w.layout.merge(sum.acc(j), t.acc(i)); err != nil {
				return w.fault(err, key)
			}
		}
	}
	b := w.rowsOf(m.Shard)
	for i := range sum.entries {
		if err := w.emit(m, b, sum.key(i), sum.acc(i), 0); err != nil {
			return err
		}
	}
	return nil
}

// Due tells whether a window with something in it ends after prev and up to time.
func (w *BatchWindow) Due(prev, time, _ int64) (bool, error) {
	for s := range w.shards {
		p, err := w.state(s)
		if err != nil {
			return false, err
		}
		if len(p.times) > 0 && w.firstDue(p, prev) <= time {
			return true, nil
		}
	}
	return false, nil
}
