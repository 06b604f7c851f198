package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/engine"
)

// TestEachWindowClosesOnceHoweverTheInputIsCut is metamorphic: any cut into batches, any number of lanes, any memory, each batch computed above
// one that is not applied yet, any of them lost: every window is emitted once, with the same row.
func TestEachWindowClosesOnceHoweverTheInputIsCut(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	var all [partitions][]string
	for p := range all {
		for s := 0; s < 600; s += r.IntN(8) {
			all[p] = append(all[p], event(string(rune('a'+r.IntN(8))), fmt.Sprintf("%02d:%02d", s/60, s%60), r.IntN(100)))
		}
		all[p] = append(all[p], event("end", "59:00", 0))
	}
	want := closedWindows(t, all, 0)
	require.Greater(t, len(want), 300)
	require.Len(t, slices.Compact(slices.Clone(want)), len(want))
	for v := range uint64(40) {
		require.Equal(t, want, closedWindows(t, all, v+1), "variant %d", v+1)
	}
}

// closedWindows runs all input under variant v and gives the rows, sorted.
func closedWindows(t *testing.T, all [partitions][]string, v uint64) []string {
	r := rand.New(rand.NewPCG(v, 4))
	h := open(t, source(fmt.Sprintf(tumbling, "close")), lanes(1+r.IntN(4)), memory(int64(1+r.IntN(3)*20_000)))
	var under *engine.Result // computed, not applied
	left, rest := true, all
	at, applied, mark := h.time, all, h.mark
	for left || under != nil {
		if v > 0 && under != nil && r.IntN(5) == 0 { // lost
			h.mark, rest, under, left = mark, applied, nil, true
			h.lose(at)
			continue
		}
		before, beforeTime := rest, h.time
		in := input{}
		left = false
		for p := range partitions {
			n := len(rest[p])
			if v > 0 {
				n = min(n, r.IntN(30))
			}
			if n > 0 {
				in[p] = rest[p][:n]
			}
			rest[p] = rest[p][n:]
			left = left || len(rest[p]) > 0
		}
		next, err := h.compute(in)
		require.NoError(t, err)
		if under != nil {
			newest := h.mark
			h.apply(under)
			h.mark, applied, at, mark = newest, before, beforeTime, under.Batch.Watermark
		}
		if under = next; next != nil {
			h.mark = next.Batch.Watermark
		}
	}
	require.Empty(t, h.late)
	out := h.only()
	slices.Sort(out)
	return out
}

// TestWindowsInBatchTimeAreThoseOfAPlainCount compares every batch's rows with a count over all that was ever written, for windows that overlap
// and that touch, with pauses, batches of timers, and batches that are lost.
func TestWindowsInBatchTimeAreThoseOfAPlainCount(t *testing.T) {
	for i, w := range [][2]int64{{4, 2}, {3, 2}, {5, 5}, {1, 1}, {6, 4}} {
		for seed := range uint64(8) {
			runBatchWindow(t, w[0], w[1], rand.New(rand.NewPCG(seed, uint64(i))))
		}
	}
}

func runBatchWindow(t *testing.T, length, slide int64, r *rand.Rand) {
	h := open(t, source(fmt.Sprintf(`
streams:
  s:
    from: events
    steps:
      - reduceByKeyAndWindow:
          key: [k]
          window: {length: %ds, slide: %ds}
          values: {n: count(*)}
sinks:
  - from: s
    postgres: {table: t, mode: append}
`, length, slide)), memory(int64(r.IntN(2)*100_000)))
	second := time.Second.Microseconds()
	written := map[int64][]string{} // keys, by batch time in seconds
	prev, now := int64(0), int64(1000)
	for range 40 {
		now++
		if r.IntN(8) == 0 {
			now += int64(r.IntN(30))
		}
		var keys []string
		for range r.IntN(3) {
			keys = append(keys, string(rune('a'+r.IntN(3))))
		}
		if len(keys) == 0 && prev > 0 {
			due, err := h.engine.Due(now*second, now*second)
			require.NoError(t, err)
			if !due {
				require.Empty(t, windowsUpTo(written, length, slide, prev, now), "a window is due at %d", now)
				continue
			}
		}
		written[now] = keys
		in := input{}
		for i, k := range keys {
			in[i%partitions] = append(in[i%partitions], event(k, "00:00", 1))
		}
		if prev > 0 && r.IntN(4) == 0 {
			_, err := h.computeAt(now*second, in)
			require.NoError(t, err)
			h.lose(prev * second)
		}
		res, err := h.computeAt(now*second, in)
		require.NoError(t, err)
		h.apply(res)
		require.Equal(t, windowsUpTo(written, length, slide, prev, now), h.only(), "length %d slide %d: batch %d after %d", length, slide, now, prev)
		prev = now
	}
}

// windowsUpTo gives the rows of the windows that end after prev and up to now, sorted.
func windowsUpTo(written map[int64][]string, length, slide, prev, now int64) []string {
	var out []string
	for end := prev + 1; end <= now; end++ {
		if end%slide != 0 {
			continue
		}
		n := map[string]int{}
		for at := end - length + 1; at <= end; at++ {
			for _, k := range written[at] {
				n[k]++
			}
		}
		for k, c := range n {
			out = append(out, fmt.Sprintf("%s %d", k, c))
		}
	}
	slices.SortFunc(out, strings.Compare)
	return out
}
