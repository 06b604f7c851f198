package operators

import (
	"cmp"
	"fmt"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// Reader is the applied state below an operator: the store. Keys are the operator's own.
type Reader interface {
	// Get appends the key's value to dst; ok tells whether the key is there.
	Get(shard int, op uint32, key, dst []byte) (value []byte, ok bool, err error)
	// Scan calls fn for the keys in [lo, hi) in order; nil is open. fn must not keep its arguments.
	Scan(shard int, op uint32, lo, hi []byte, fn func(key, value []byte) error) error
}

// Changes takes one batch's changes of one shard (OP4).
type Changes interface {
	Put(op uint32, key, value []byte)
	DeleteRange(op uint32, lo, hi []byte)
}

// Merge is what a wide operator is given for one shard of one batch.
type Merge struct {
	Shard     int
	Batch     uint32 // number of the batch in this process, from 1: marks what it changes
	Time      int64  // batch time, microseconds
	Prev      int64  // the batch time before, 0 if there was none
	Watermark int64  // after the batch
	Changes   func() Changes
	Out       *Context // the lane's context for emitted rows
	Emit      Rows     // the lane's next operator
}

// Wide is an operator that sees a whole batch before it emits.
type Wide interface {
	// Input gives the lane's end of the operator: rows go there while the batch fills.
	Input(lane int) Rows
	// Held is about how many bytes the lane's input of the batch takes.
	Held(lane int) int64
	// Seal ends a lane's input.
	Seal(lane int) error
	// Shards is how many parts Merge may be called for, side by side.
	Shards() int
	// Merge takes one shard of the batch: state changes, then emits.
	Merge(m *Merge) error
	// Reset makes the operator ready for the next batch.
	Reset()
	// Forget drops all that is not in the store.
	Forget()
	// Due tells whether a batch without input at this time and watermark would emit.
	Due(prev, time, watermark int64) (bool, error)
	// Size is the state held in memory, in bytes; Shrink drops from memory what is in the store as of batch number applied.
	Size() int64
	Shrink(applied uint32)
}

// emitter makes a keyed operator's rows from keys and accumulators.
type emitter struct {
	op     *plan.Keyed
	stage  string
	layout *layout
}

// rowBuffers are one lane's rows under construction.
type rowBuffers struct {
	results []row.Value // keys, then (with state) the old state, then one an aggregate: what Agg.Results read
	out     []row.Value // windows, keys, values
}

func (x *emitter) buffers() *rowBuffers {
	return &rowBuffers{
		results: make([]row.Value, len(x.op.Keys)+len(x.op.State)+len(x.op.Agg.Aggs)),
		out:     make([]row.Value, len(x.op.Columns)),
	}
}

// keys decodes a key's columns into dst; strings point into key.
func (x *emitter) keys(dst []row.Value, key []byte) error {
	var err error
	for i, c := range x.op.Keys {
		if dst[i], key, err = row.DecodeValue(key, c.Type); err != nil {
			return fmt.Errorf("%s: key: %w", x.stage, err)
		}
	}
	return nil
}

// emit evaluates the values of a key and pushes its row. window is the window's start in microseconds where the operator has windows.
func (x *emitter) emit(m *Merge, b *rowBuffers, key []byte, a acc, window int64) error {
	n := len(x.op.Keys)
	if err := x.keys(b.results, key); err != nil {
		return err
	}
	out := b.out
	if x.op.Op == plan.EventWindow {
		out[0], out[1] = row.OfInt(window), row.OfInt(window+x.op.Tumbling.Microseconds())
		out = out[2:]
	}
	copy(out, b.results[:n])
	if x.op.State != nil {
		copy(out[n:], a.heavy)
	} else {
		x.layout.results(a, b.results[n:])
		if err := x.values(m.Out, b, out[n:]); err != nil {
			return x.fault(err, key)
		}
	}
	return x.push(m, b.out, key)
}

// values evaluates the value expressions into dst.
func (x *emitter) values(c *Context, b *rowBuffers, dst []row.Value) error {
	c.Row = b.results
	for i, r := range x.op.Agg.Results {
		dst[i] = r.Value(&c.Env)
	}
	return c.Err
}

func (x *emitter) push(m *Merge, out []row.Value, key []byte) error {
	c := m.Out
	c.Row = out
	m.Emit(c)
	if c.Err != nil {
		return x.faultAt(c.Stage, c.Err, key)
	}
	c.Scratch.Reset()
	return nil
}

// Fault is an error of evaluation after a wide operator: there is no record to set aside, so it stops the pipeline. Key is "" after a transform.
type Fault struct {
	Stage string
	Key   string
	Err   error
}

func (f *Fault) Error() string {
	at := f.Stage
	if f.Key != "" {
		at += ": key (" + f.Key + ")"
	}
	return fmt.Sprintf("%s: %v; the values come from many records, so none can be set aside: guard the expression, for example with nullif or case",
		at, f.Err)
}

func (f *Fault) Unwrap() error { return f.Err }

func (x *emitter) fault(err error, key []byte) error { return x.faultAt(x.stage, err, key) }

// faultAt is a fault of a step after this one, at a key of this one.
func (x *emitter) faultAt(stage string, err error, key []byte) error {
	vals := make([]row.Value, len(x.op.Keys))
	text := ""
	if x.keys(vals, key) == nil {
		for i, v := range vals {
			if i > 0 {
				text += ", "
			}
			text += x.op.Keys[i].Name + "=" + expr.Format(v, x.op.Keys[i].Type)
		}
	}
	return &Fault{Stage: cmp.Or(stage, x.stage), Key: text, Err: err}
}
