package engine_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

// fanOut has every way in which a record can have several effects, with something that can fail on each.
const fanOut = `
streams:
  tags:
    from: events
    steps:
      - flatMap:
          tag: string_to_array(tags, ',')
      - map:
          k: k
          q: v / tag::int
  quotients:
    from: tags
    steps:
      - updateStateByKey:
          key: [q]
          values: {n: count(*), top: max(100 / q)}
  windows:
    from: tags
    steps:
      - reduceByKeyAndWindow:
          key: [k]
          window: {tumbling: 10s}
          values: {n: count(*), s: sum(q)}
          emit: update
  best:
    from: events
    steps:
      - map:
          k: k
          w: 1000 / (v - 7)
      - transform: {sortBy: [w desc, k], limit: 5}
sinks:
  - from: quotients
    postgres: {table: a, mode: upsert, key: [q]}
  - from: windows
    postgres: {table: b, mode: upsert, key: [window_start, k]}
  - from: best
    postgres: {table: c, mode: append}
  - from: tags
    postgres: {table: d, mode: append}
  - from: events
    postgres: {table: e, mode: append}
`

// TestRecordsThatFailAnywhereLeaveNoTrace runs the same records with and without others that fail at some point of the graph: every sink must have
// the same rows.
func TestRecordsThatFailAnywhereLeaveNoTrace(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 8))
		n := 1 + r.IntN(3)
		with, without := open(t, source(fanOut), lanes(n), refuse("refused")), open(t, source(fanOut), lanes(n), refuse("refused"))
		bad := 0
		for range 5 {
			all, good := input{}, input{}
			for range 20 {
				p := r.IntN(partitions)
				tags, v, k := []string{"1", "2", "3"}[:1+r.IntN(3)], 50+r.IntN(60), string(rune('a'+r.IntN(3)))
				fails := true
				switch r.IntN(8) {
				case 0:
					tags = append(tags, "0") // division by zero, after rows that were good
				case 1:
					tags = append(tags, "x") // no integer
				case 2:
					v, tags = 1, []string{"1", "2"} // 1/2 is 0: the aggregate's argument fails
				case 3:
					v = 7 // the other branch fails
				case 4:
					k = "refused" // a sink does not take it
				default:
					fails = false
				}
				record := fmt.Sprintf(`{"k":%q,"at":"2001-01-01T00:00:%02dZ","v":%d,"tags":%q}`, k, r.IntN(60), v, strings.Join(tags, ","))
				all[p] = append(all[p], record)
				if fails {
					bad++
					continue
				}
				good[p] = append(good[p], record)
			}
			with.run(all)
			without.run(good)
		}
		require.Equal(t, without.out, with.out, "seed %d", seed)
		require.Equal(t, batch.Counts{In: 100, Dead: int64(bad), Late: without.counts.Late}, with.counts, "seed %d", seed)
		require.Empty(t, without.dead)
	}
}
