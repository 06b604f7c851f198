package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

// A record of 200 bytes that becomes 100 rows of 200 bytes takes 20 kB, wherever the rows go.
func TestWhatABatchHoldsIsCountedInRowsAndAggregatesNotInRecords(t *testing.T) {
	for name, steps := range map[string]string{
		"a sink":      "",
		"a transform": "      - transform: {sortBy: [word]}\n",
		"a reduce":    "      - reduceByKey: {key: [word, value], values: {n: count(*)}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, `
pipeline: grown
interval: 1s
sources:
  lines:
    kafka: {topic: lines}
    format: text
streams:
  s:
    from: lines
    steps:
      - flatMap:
          word: string_to_array(value, ',')
`+steps+`
sinks:
  - from: s
    postgres: {table: t, mode: append}
`, lanes(1))
			h.assign()
			for round := range 3 {
				h.engine.Open(int64(round+1)*time.Second.Microseconds(), h.mark)
				require.Zero(t, h.engine.Held(), "what the last batch held does not count")
				value := "a" + strings.Repeat(",b", 50) + strings.Repeat(",c", 49)
				h.engine.Feed(&batch.Chunk{Partition: h.partition(0), Next: 1, Records: []batch.Record{{Value: []byte(value)}}}, 1)
				least := int64(15_000)
				if name == "a reduce" {
					least = 500 // three keys
				}
				require.Eventually(t, func() bool { return h.engine.Held() >= least }, time.Second, time.Millisecond, "%d", h.engine.Held())
				h.engine.Forget()
			}
		})
	}
}
