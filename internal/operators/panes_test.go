package operators

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// keyedBy makes a keyed operator over rows of (k text, v text).
func keyedBy(t *testing.T, kind plan.KeyedKind, value string) *plan.Keyed {
	t.Helper()
	scope := expr.Scope{Columns: []row.Column{{Name: "k", Type: row.Text}, {Name: "v", Type: row.Text}}}
	key, errs := expr.Compile("k", scope)
	require.Empty(t, errs)
	keys := []row.Column{{Name: "k", Type: row.Text}}
	agg, bad := expr.CompileAggregation([]expr.Named{{Name: "v", Source: value}}, scope, keys, nil)
	require.Empty(t, bad)
	values := []row.Column{{Name: "v", Type: agg.Results[0].Type}}
	return &plan.Keyed{Op: kind, ID: "s.op", Keys: keys, KeyExprs: []*expr.Expr{key}, Agg: agg, Values: values, Columns: append(keys, values...)}
}

// paneModel is what panes are to hold: counts by time and key, and how far they have been dropped.
type paneModel map[int64]map[string]int64

func (m paneModel) clone() paneModel {
	c := paneModel{}
	for time, keys := range m {
		c[time] = maps.Clone(keys)
	}
	return c
}

// TestPanesAreTheSameWhateverIsInMemory compares panes with a plain map while batches change them, windows close, memory is shrunk between the
// computing of a batch and its application, and batches are lost.
func TestPanesAreTheSameWhateverIsInMemory(t *testing.T) {
	for seed := range uint64(300) {
		runPanes(t, seed)
	}
}

type paneRun struct {
	t       *testing.T
	seed    uint64
	r       *rand.Rand
	budget  int64
	store   *memStore
	panes   *panes
	now     paneModel
	applied paneModel
	closed  int64
	durable int64
	under   *memDelta // computed and not applied
	batch   uint32
}

func runPanes(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 9))
	p := &paneRun{t: t, seed: seed, r: r, budget: int64(r.IntN(2) * r.IntN(200_000)), store: newMemStore(), now: paneModel{}, applied: paneModel{}}
	p.panes = newPanes(counts(t))
	for range 40 {
		p.turn()
	}
}

func (p *paneRun) turn() {
	require.NoError(p.t, p.panes.load(p.store, 0, 1, p.budget))
	switch k := p.r.IntN(10); {
	case k == 0: // lost: back to what is applied
		p.panes, p.under = newPanes(p.panes.layout), nil
		p.now, p.closed = p.applied.clone(), p.durable
	case k < 4 && p.under != nil:
		p.settle()
	default:
		next := p.compute()
		number := p.batch
		if p.under != nil { // the batch before is applied when the next one is computed already
			before := p.now
			p.store.apply(p.under)
			p.panes.shrink(number - 1)
			p.now = before
		}
		p.under = next
	}
}

// settle applies the computed batch, and sometimes shrinks.
func (p *paneRun) settle() {
	p.store.apply(p.under)
	p.under = nil
	p.applied, p.durable = p.now.clone(), p.closed
	if p.r.IntN(2) == 0 {
		p.panes.shrink(p.batch)
	}
}

// compute changes some keys, and closes panes sometimes.
func (p *paneRun) compute() *memDelta {
	if p.under != nil {
		p.applied, p.durable = p.now.clone(), p.closed // it will be applied before anything else happens
	}
	p.batch++
	d := &memDelta{}
	for range p.r.IntN(20) {
		time, key := p.closed+1+int64(p.r.IntN(10)), fmt.Sprintf("key %d", p.r.IntN(5))
		table, i, err := p.panes.lookup(p.store, 0, 1, time, []byte(key), hashKey([]byte(key)))
		require.NoError(p.t, err)
		table.acc(i).cells[0].n++
		table.entries[i].mark = p.batch
		p.panes.put(1, time, table, i, d)
		if p.now[time] == nil {
			p.now[time] = map[string]int64{}
		}
		p.now[time][key]++
	}
	if p.r.IntN(3) == 0 {
		p.close(p.closed+int64(p.r.IntN(8)), d)
	}
	return d
}

func (p *paneRun) close(until int64, d *memDelta) {
	due := false
	for time := range p.now {
		due = due || time <= until
	}
	got, err := p.panes.any(p.store, 0, 1, until)
	require.NoError(p.t, err)
	require.Equal(p.t, due, got, "seed %d", p.seed)
	if !due {
		return
	}
	require.NoError(p.t, p.panes.fetch(p.store, 0, 1, until))
	seen := paneModel{}
	for _, time := range p.panes.times {
		if time > until {
			break
		}
		table := p.panes.byTime[time]
		for i := range table.entries {
			if seen[time] == nil {
				seen[time] = map[string]int64{}
			}
			seen[time][string(table.key(i))] = table.acc(i).cells[0].n
		}
	}
	want := paneModel{}
	for time, keys := range p.now {
		if time <= until {
			want[time] = keys
			delete(p.now, time)
		}
	}
	require.Equal(p.t, want, seen, "seed %d", p.seed)
	p.panes.drop(until, 1, func() Changes { return d })
	p.closed = until
}
