package engine_test

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/decode"
	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/pipeline"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
	"github.com/millrace/millrace/internal/stateful"
)

// harness runs a pipeline file's plan over given records, with a real store, and keeps what its sinks were given.
type harness struct {
	t         *testing.T
	plan      *plan.Pipeline
	store     *stateful.Store
	engine    *engine.Engine
	heads     []batch.Head
	positions map[batch.Partition]batch.Position
	time      int64
	mark      int64
	commits   uint64
	out       map[string][]string // by sink: the rows of all applied batches, in order
	dead      []batch.DeadLetter
	late      []batch.LateRow
	counts    batch.Counts
}

type storeState struct{ *stateful.Store }

func (s storeState) NewDelta(shard int) engine.Delta { return s.Store.NewDelta(shard) }

// emptyLedger has nothing to restore from.
type emptyLedger struct{}

func (emptyLedger) Deltas(context.Context, int, int64, int64) iter.Seq2[stateful.StoredDelta, error] {
	return func(func(stateful.StoredDelta, error) bool) {}
}

func (emptyLedger) LatestSnapshot(context.Context, int) (stateful.Head, bool, error) {
	return stateful.Head{}, false, nil
}

func (emptyLedger) SnapshotParts(context.Context, int, stateful.Head) iter.Seq2[[]byte, error] {
	return func(func([]byte, error) bool) {}
}

// rows is a sink's buffer that keeps rows as text.
type rows struct {
	columns []row.Column
	refuse  string // a row that contains this is refused
	lines   []string
}

func (r *rows) Add(values []row.Value) error {
	parts := make([]string, len(values))
	for i, v := range values {
		if parts[i] = "NULL"; !v.Null {
			parts[i] = strings.Clone(expr.Format(v, r.columns[i].Type))
		}
	}
	line := strings.Join(parts, " ")
	if r.refuse != "" && strings.Contains(line, r.refuse) {
		return errRefused
	}
	r.lines = append(r.lines, line)
	return nil
}

type refusal string

func (r refusal) Error() string { return string(r) }

const errRefused = refusal("the table does not take this row")

func (r *rows) Len() int       { return len(r.lines) }
func (r *rows) Truncate(n int) { r.lines = r.lines[:n] }
func (r *rows) Bytes() (n int64) {
	for _, l := range r.lines {
		n += int64(len(l))
	}
	return n
}
func (r *rows) Reset() { r.lines = r.lines[:0] }

type option func(*engine.Wiring)

func lanes(n int) option    { return func(w *engine.Wiring) { w.Lanes = n } }
func memory(n int64) option { return func(w *engine.Wiring) { w.Memory = n } }
func refuse(s string) option {
	return func(w *engine.Wiring) {
		w.Buffer = func(k *plan.Sink) engine.Buffer { return &rows{columns: k.Columns, refuse: s} }
	}
}

func open(t *testing.T, file string, options ...option) *harness {
	t.Helper()
	p, err := pipeline.Parse("test.yaml", []byte(file), func(string) string { return "" })
	require.NoError(t, err)
	store, err := stateful.Open(stateful.Options{Dir: "state", Pipeline: p.Name, Shards: p.Shards, HashVersion: 1, FS: vfs.NewMem()})
	require.NoError(t, err)
	var claimed []stateful.Claimed
	for i := range p.Shards {
		claimed = append(claimed, stateful.Claimed{Shard: i})
	}
	_, err = store.Restore(t.Context(), emptyLedger{}, claimed)
	require.NoError(t, err)
	h := &harness{t: t, plan: p, store: store, heads: make([]batch.Head, p.Shards), positions: map[batch.Partition]batch.Position{}, out: map[string][]string{}}
	h.mark = batch.NoWatermark
	w := engine.Wiring{
		Lanes: 2, Memory: 1 << 20, State: storeState{store},
		Decoder: func(s *plan.Source) (engine.Decoder, error) { return decode.New(s) },
		Buffer:  func(k *plan.Sink) engine.Buffer { return &rows{columns: k.Columns} },
	}
	for _, o := range options {
		o(&w)
	}
	h.engine, err = engine.New(p, w)
	require.NoError(t, err)
	t.Cleanup(func() {
		h.engine.Close()
		require.NoError(t, store.Close())
	})
	return h
}

const partitions = 3

func (h *harness) partition(id int) batch.Partition {
	return batch.Partition{Topic: h.plan.Sources[0].Topic, ID: int32(id)}
}

// assign gives the engine what a claim would read.
func (h *harness) assign() {
	c := batch.Claimed{Positions: map[batch.Partition]batch.Position{}, Time: h.time, Watermark: h.mark}
	var parts []batch.Partition
	for i := range partitions {
		p := h.partition(i)
		parts = append(parts, p)
		at, ok := h.positions[p]
		if !ok {
			at.Watermark = batch.NoWatermark
		}
		c.Positions[p] = at
	}
	h.engine.Assign(c, parts)
}

// input is the records of one batch, by partition.
type input map[int][]string

// compute runs one batch up to its result; nothing is applied.
func (h *harness) compute(in input) (*engine.Result, error) {
	return h.computeAt(h.time+h.plan.Interval.Microseconds(), in)
}

func (h *harness) computeAt(at int64, in input) (*engine.Result, error) {
	if h.commits == 0 && h.time == 0 {
		h.assign()
	}
	h.engine.Open(at, h.mark)
	var moved []batch.Moved
	for id := range partitions {
		values, ok := in[id]
		p := h.partition(id)
		from := h.positions[p].Next
		c := &batch.Chunk{Partition: p, From: from, Next: from + int64(len(values)), LeaderEpoch: -1, End: from + int64(len(values))}
		for i, v := range values {
			c.Records = append(c.Records, batch.Record{Value: []byte(v), Offset: from + int64(i), Timestamp: at / 1000})
		}
		h.engine.Feed(c, at)
		if ok {
			moved = append(moved, batch.Moved{Range: batch.Range{Partition: p, From: from, Until: c.Next}, Watermark: batch.NoWatermark})
		}
	}
	h.time = at
	h.commits++
	return h.engine.Compute(batch.Token{byte(h.commits), byte(h.commits >> 8), byte(h.commits >> 16), 1}, moved, at)
}

// run computes a batch and applies it.
func (h *harness) run(in input) *engine.Result {
	h.t.Helper()
	r, err := h.compute(in)
	require.NoError(h.t, err)
	h.apply(r)
	return r
}

// apply does what a successful commit does.
func (h *harness) apply(r *engine.Result) {
	h.t.Helper()
	if r == nil {
		return
	}
	var changes []stateful.Change
	for _, s := range r.Batch.Shards {
		h.heads[s.Shard] = batch.Head{Seq: h.heads[s.Shard].Seq + 1, ID: r.Batch.ID}
		changes = append(changes, stateful.Change{Delta: r.Deltas[s.Shard].(*stateful.Delta), Head: stateful.Head(h.heads[s.Shard])})
	}
	require.NoError(h.t, h.store.ApplyAll(changes))
	for i, k := range h.plan.Sinks {
		var lines []string
		for _, b := range r.Rows[i] {
			lines = append(lines, b.(*rows).lines...)
		}
		if !sortedBySelf(h.plan, k) {
			slices.Sort(lines) // lanes and shards have no order between them
		}
		h.out[k.Name] = append(h.out[k.Name], lines...)
	}
	for _, m := range r.Batch.Partitions {
		h.positions[m.Partition] = batch.Position{Next: m.Until, Watermark: m.Watermark}
	}
	h.mark = r.Batch.Watermark
	h.dead = append(h.dead, r.Batch.Dead...)
	h.late = append(h.late, r.Batch.Late...)
	h.counts.In += r.Batch.Counts.In
	h.counts.Filtered += r.Batch.Counts.Filtered
	h.counts.Late += r.Batch.Counts.Late
	h.counts.Dead += r.Batch.Counts.Dead
	h.engine.Applied(r)
	h.engine.Release(r)
	slices.SortFunc(h.dead, func(a, b batch.DeadLetter) int {
		return cmp.Or(a.Partition.Compare(b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
}

func sortedBySelf(p *plan.Pipeline, k *plan.Sink) bool {
	if k.Stream == nil || len(k.Stream.Steps) == 0 {
		return false
	}
	_, ok := k.Stream.Steps[len(k.Stream.Steps)-1].(*plan.Transform)
	return ok
}

// lose forgets what was computed and not applied, as a failed commit does; before is the batch time that the ledger has.
func (h *harness) lose(before int64) {
	h.engine.Forget()
	h.time = before
	h.assign()
}

// only gives the rows of the pipeline's one sink since the last call.
func (h *harness) only() []string {
	name := h.plan.Sinks[0].Name
	got := h.out[name]
	h.out[name] = nil
	return got
}
