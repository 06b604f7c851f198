package engine_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/engine"
)

// TestEmitAllGivesEveryKeyWhereverItsStateIs computes each batch above one that is not applied yet, with state in memory, in the store, or on its
// way there.
func TestEmitAllGivesEveryKeyWhereverItsStateIs(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 6))
		file := strings.Replace(words, "          values:", "          emit: all\n          values:", 1)
		h := open(t, file, lanes(1+r.IntN(3)), memory(int64(1+r.IntN(2)*3_000)))
		state, applied := map[string]int{}, map[string]int{}
		var under *engine.Result
		var want []string
		for range 30 {
			if under != nil && r.IntN(5) == 0 {
				h.lose(h.time)
				state, under = maps.Clone(applied), nil
			}
			in := input{}
			for p := range 1 + r.IntN(partitions) {
				var line []string
				for range 1 + r.IntN(3) {
					w := fmt.Sprint("w", string(rune('a'+r.IntN(20))))
					state[w]++
					line = append(line, w)
				}
				in[p] = []string{strings.Join(line, " ")}
			}
			next, err := h.compute(in)
			require.NoError(t, err)
			if under != nil {
				h.apply(under)
				require.Equal(t, want, h.only(), "seed %d", seed)
				applied = parsed(want)
			}
			under, want = next, nil
			for w, n := range state {
				want = append(want, fmt.Sprintf("%s %d", w, n))
			}
			slices.Sort(want)
		}
	}
}

func parsed(lines []string) map[string]int {
	out := map[string]int{}
	for _, l := range lines {
		var w string
		var n int
		_, _ = fmt.Sscanf(l, "%s %d", &w, &n)
		out[w] = n
	}
	return out
}
