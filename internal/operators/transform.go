package operators

import (
	"cmp"
	"slices"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// Transform sorts a batch's rows of all lanes and keeps the first of them. Rows that the sort takes as equal are ordered by their other columns,
// so that the limit does not depend on the order of arrival.
type Transform struct {
	op    *plan.Transform
	lanes [][]row.Value // rows one after another
	texts []int64       // by lane: bytes of their texts, with those of rows that were taken back
	all   [][]row.Value
}

// NewTransform returns a transform.
func NewTransform(op *plan.Transform, lanes int) *Transform {
	return &Transform{op: op, lanes: make([][]row.Value, lanes), texts: make([]int64, lanes)}
}

// Input gives the lane's end of the operator.
func (t *Transform) Input(lane int) Rows {
	return func(c *Context) {
		c.Reached = true
		for _, v := range c.Row {
			t.lanes[lane] = append(t.lanes[lane], v.Clone())
			t.texts[lane] += int64(len(v.S))
		}
	}
}

// Mark and Rewind let the engine take back what a record added (OP2).
func (t *Transform) Mark(lane int) int { return len(t.lanes[lane]) }

// Rewind takes back what was added since Mark.
func (t *Transform) Rewind(lane, mark int) { t.lanes[lane] = t.lanes[lane][:mark] }

// Held is what the lane's rows take.
func (t *Transform) Held(lane int) int64 { return int64(len(t.lanes[lane]))*valueSize + t.texts[lane] }

// Seal ends a lane's input.
func (t *Transform) Seal(int) error { return nil }

// Shards is one: the order is over the whole batch.
func (t *Transform) Shards() int { return 1 }

// Merge sorts and emits.
func (t *Transform) Merge(m *Merge) error {
	width := len(t.op.Columns)
	t.all = t.all[:0]
	for _, l := range t.lanes {
		for at := 0; at < len(l); at += width {
			t.all = append(t.all, l[at:at+width])
		}
	}
	slices.SortStableFunc(t.all, t.compare)
	if t.op.Limit > 0 && len(t.all) > t.op.Limit {
		t.all = t.all[:t.op.Limit]
	}
	c := m.Out
	for _, r := range t.all {
		c.Row = r
		m.Emit(c)
		if c.Err != nil {
			return &Fault{Stage: c.Stage, Err: c.Err}
		}
		c.Scratch.Reset()
	}
	return nil
}

func (t *Transform) compare(a, b []row.Value) int {
	for _, o := range t.op.SortBy {
		c := compareNulls(a[o.Slot], b[o.Slot], t.op.Columns[o.Slot].Type)
		if o.Desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	for i, col := range t.op.Columns {
		if c := compareNulls(a[i], b[i], col.Type); c != 0 {
			return c
		}
	}
	return 0
}

// compareNulls puts NULL after everything, as Postgres does in ascending order.
func compareNulls(a, b row.Value, t row.Type) int {
	if a.Null || b.Null {
		return cmp.Compare(b2i(a.Null), b2i(b.Null))
	}
	return expr.Compare(a, b, t)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Reset makes the operator ready for the next batch.
func (t *Transform) Reset() {
	for i := range t.lanes {
		clear(t.lanes[i])
		t.lanes[i], t.texts[i] = t.lanes[i][:0], 0
	}
	clear(t.all)
}

// Forget does nothing: there is no state.
func (t *Transform) Forget() {}

// Due is never.
func (t *Transform) Due(_, _, _ int64) (bool, error) { return false, nil }

// Size is zero.
func (t *Transform) Size() int64 { return 0 }

// Shrink does nothing.
func (t *Transform) Shrink(uint32) {}
