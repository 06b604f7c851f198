package operators

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

func counts(t *testing.T) *layout {
	l, _ := layoutOf(t, "count(*)", row.Int8)
	return l
}

func TestATableFindsWhatWasPutIntoIt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	table, want := newTable(counts(t)), map[string]int64{}
	for round := range 3 {
		for range 5000 {
			key := fmt.Appendf(nil, "key %d", r.IntN(2000))
			hash := hashKey(key) & 0xff // many keys share a hash
			i := table.find(key, hash)
			if _, ok := want[string(key)]; ok != (i >= 0) {
				t.Fatalf("key %s: found %t", key, i >= 0)
			}
			if i < 0 {
				i = table.insert(key, hash)
			}
			table.acc(i).cells[0].n++
			want[string(key)]++
		}
		require.Len(t, table.entries, len(want), "round %d", round)
		for i := range table.entries {
			require.Equal(t, want[string(table.key(i))], table.acc(i).cells[0].n)
		}
		table.reset()
		clear(want)
	}
}

func TestNewerKeepsOnlyWhatABatchAfterHasChanged(t *testing.T) {
	l, _ := layoutOf(t, "max(x)", row.Text)
	table := newTable(l)
	for i := range 100 {
		key := fmt.Appendf(nil, "key %d", i)
		j := table.insert(key, hashKey(key))
		table.entries[j].mark = uint32(i % 10)
		table.acc(j).heavy[0] = row.OfText(strings.Repeat("x", i))
		table.acc(j).cells[0].c = 1
		table.weigh(j, 1000)
	}
	n := table.newer(7)
	require.Len(t, n.entries, 20)
	for i := range n.entries {
		require.Greater(t, n.entries[i].mark, uint32(7))
		j := table.find(n.key(i), hashKey(n.key(i)))
		require.Equal(t, table.acc(j), n.acc(i))
	}
	require.Greater(t, table.size()-n.size(), int64(80_000), "what texts take is counted, and given back")
	table.reset()
	require.Less(t, table.size(), int64(100_000))
}

// shardDelta makes the parts of a Merge that tests of one shard share.
func merge(number uint32, d *memDelta) *Merge {
	return &Merge{Batch: number, Changes: func() Changes { return d }, Out: &Context{}, Emit: func(*Context) {}}
}

func TestStateOfLongTextsCountsInTheMemoryThatItTakes(t *testing.T) {
	store := newMemStore()
	u := NewUpdate(Config{Op: keyedBy(t, plan.UpdateStateByKey, "max(v)"), Lanes: 1, Shards: 1, Store: store, Memory: 1 << 20})
	long := strings.Repeat("z", 100_000)
	c := &Context{}
	c.Row = []row.Value{row.OfText("k"), row.OfText(long)}
	u.Input(0)(c)
	require.NoError(t, u.Seal(0))
	d := &memDelta{}
	require.NoError(t, u.Merge(merge(1, d)))
	u.Reset()
	require.Greater(t, u.Size(), int64(100_000))
	store.apply(d)
	u.Shrink(1)
	require.Less(t, u.Size(), int64(10_000))
	require.NoError(t, u.load(0, &u.shards[0]))
	require.Greater(t, u.Size(), int64(100_000), "what was read from the store counts too")
}
