package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/operators"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const words = `
pipeline: words
interval: 1s
sources:
  lines:
    kafka: {topic: lines}
    format: text
streams:
  counts:
    from: lines
    steps:
      - flatMap:
          word: regexp_split_to_array(value, '[^a-zA-Z]+')
      - filter: word <> ''
      - map:
          word: lower(word)
      - updateStateByKey:
          key: [word]
          values:
            n: count(*)
sinks:
  - from: counts
    postgres: {table: word_count, mode: upsert, key: [word]}
`

func TestCountsGrowFromBatchToBatch(t *testing.T) {
	h := open(t, words)
	h.run(input{0: {"a b, A"}, 1: {"b"}})
	require.Equal(t, []string{"a 2", "b 2"}, h.only())
	h.run(input{2: {"c A"}})
	require.Equal(t, []string{"a 3", "c 1"}, h.only(), "only what changed is emitted")
}

func TestABatchThatIsLostLeavesNoTrace(t *testing.T) {
	h := open(t, words)
	h.run(input{0: {"a b"}})
	before := h.time
	_, err := h.compute(input{0: {"a a a"}, 1: {"z"}})
	require.NoError(t, err)
	h.lose(before)
	h.run(input{0: {"a"}})
	require.Equal(t, []string{"a 1", "b 1", "a 2"}, h.only())
}

func TestTheNextBatchIsComputedAboveTheOneUnderCommit(t *testing.T) {
	h := open(t, words)
	first, err := h.compute(input{0: {"a b"}})
	require.NoError(t, err)
	second, err := h.compute(input{1: {"a"}})
	require.NoError(t, err)
	h.apply(first)
	h.apply(second)
	require.Equal(t, []string{"a 1", "b 1", "a 2"}, h.only())
}

func TestStateThatDoesNotFitMemoryIsReadFromTheStore(t *testing.T) {
	h := open(t, words, memory(1))
	for range 5 {
		h.run(input{0: {"a b c d e f g"}, 1: {"a"}})
	}
	got := h.only()
	require.Equal(t, []string{"a 10", "b 5", "c 5", "d 5", "e 5", "f 5", "g 5"}, got[len(got)-7:])
}

func source(rest string) string {
	return `
pipeline: test
interval: 1s
shards: 4
sources:
  events:
    kafka: {topic: events}
    format:
      json: {k: text, at: timestamptz, v: bigint, tags: text}
    event_time: {expr: at, watermark: 5s, idle: 1h}
` + rest
}

func event(k, at string, v int) string {
	return fmt.Sprintf(`{"k":%q,"at":"2001-01-01T00:%sZ","v":%d}`, k, at, v)
}

const tumbling = `
streams:
  s:
    from: events
    steps:
      - reduceByKeyAndWindow:
          key: [k]
          window: {tumbling: 10s}
          values: {n: count(*), total: sum(v), top: max(v)}
          emit: %s
sinks:
  - from: s
    postgres: {table: t, mode: upsert, key: [window_start, k]}
`

func TestAWindowIsEmittedOnceWhenTheWatermarkHasPassedIt(t *testing.T) {
	h := open(t, source(fmt.Sprintf(tumbling, "close")))
	h.run(input{0: {event("a", "00:01", 1), event("a", "00:09", 5)}, 1: {event("b", "00:03", 7)}, 2: {event("a", "00:04", 1)}})
	h.run(input{0: {event("a", "00:12", 1)}, 1: {event("b", "00:20", 1)}, 2: {event("a", "00:15", 1)}})
	require.Empty(t, h.only(), "the slowest partition has seen 12 s, so the watermark is 7 s")
	h.run(input{0: {event("a", "00:15", 1)}})
	require.Equal(t, []string{
		"2001-01-01 00:00:00+00 2001-01-01 00:00:10+00 a 3 7 5",
		"2001-01-01 00:00:00+00 2001-01-01 00:00:10+00 b 1 7 7",
	}, h.only())
	h.run(input{0: {event("a", "00:09", 100)}})
	require.Empty(t, h.only())
	require.Len(t, h.late, 1)
	require.Equal(t, int64(4), h.late[0].Offset)
	require.Equal(t, batch.Counts{In: 9, Late: 1}, h.counts)
}

func TestAnUpdatingWindowEmitsEachBatchThatChangedIt(t *testing.T) {
	h := open(t, source(fmt.Sprintf(tumbling, "update")))
	h.run(input{0: {event("a", "00:01", 1)}, 1: {event("b", "00:01", 1)}, 2: {event("c", "00:11", 1)}})
	require.Len(t, h.only(), 3)
	h.run(input{0: {event("a", "00:02", 2)}})
	require.Equal(t, []string{"2001-01-01 00:00:00+00 2001-01-01 00:00:10+00 a 2 3 2"}, h.only())
}

func TestAPartitionWithoutInputHoldsTheWatermarkUntilItIsIdle(t *testing.T) {
	h := open(t, strings.Replace(source(fmt.Sprintf(tumbling, "close")), "idle: 1h", "idle: 3s", 1))
	h.run(input{0: {event("a", "00:01", 1), event("a", "00:59", 5)}})
	require.Empty(t, h.only())
	at := h.time + 2*time.Second.Microseconds()
	due, err := h.engine.Due(at, at)
	require.NoError(t, err)
	require.False(t, due, "silent for 2 s only")
	at = h.time + 3*time.Second.Microseconds()
	due, err = h.engine.Due(at, at)
	require.NoError(t, err)
	require.True(t, due)
	r, err := h.computeAt(at, nil)
	require.NoError(t, err)
	h.apply(r)
	require.Equal(t, []string{"2001-01-01 00:00:00+00 2001-01-01 00:00:10+00 a 1 1 1"}, h.only())
	require.NotEmpty(t, r.Batch.Shards, "a batch without input is fenced by its shards")
}

func TestWindowsInBatchTimeSlide(t *testing.T) {
	h := open(t, source(`
streams:
  s:
    from: events
    steps:
      - reduceByKeyAndWindow:
          key: [k]
          window: {length: 4s, slide: 2s}
          values: {n: count(*)}
sinks:
  - from: s
    postgres: {table: t, mode: upsert, key: [k]}
`))
	at := func(s int64, in input) []string {
		r, err := h.computeAt(s*time.Second.Microseconds(), in)
		require.NoError(t, err)
		h.apply(r)
		return h.only()
	}
	require.Empty(t, at(101, input{0: {event("a", "00:00", 1)}}))
	require.Equal(t, []string{"a 2", "b 1"}, at(102, input{0: {event("a", "00:00", 1)}, 1: {event("b", "00:00", 1)}}))
	require.Empty(t, at(103, input{0: {event("a", "00:00", 1)}}))
	require.Equal(t, []string{"a 3", "b 1"}, at(104, nil))
	due, err := h.engine.Due(106*time.Second.Microseconds(), 0)
	require.NoError(t, err)
	require.True(t, due, "the pane of 103 is in the window that ends at 106")
	require.Equal(t, []string{"a 1"}, at(106, nil))
	due, err = h.engine.Due(108*time.Second.Microseconds(), 0)
	require.NoError(t, err)
	require.False(t, due, "nothing is left")
}

func TestATransformOrdersTheWholeBatch(t *testing.T) {
	h := open(t, source(`
streams:
  s:
    from: events
    steps:
      - reduceByKey:
          key: [k]
          values: {n: count(*)}
      - transform: {sortBy: [n desc, k], limit: 3}
sinks:
  - from: s
    postgres: {table: t, mode: append}
`))
	h.run(input{0: {event("d", "00:00", 1), event("a", "00:00", 1)}, 1: {event("b", "00:00", 1), event("c", "00:00", 1)}, 2: {event("c", "00:00", 1)}})
	require.Equal(t, []string{"c 2", "a 1", "b 1"}, h.only())
}

func TestAnUpdateExpressionSeesTheOldState(t *testing.T) {
	for _, n := range []int{1, 3} {
		h := open(t, source(`
streams:
  s:
    from: events
    steps:
      - updateStateByKey:
          key: [k]
          state: {n: bigint, last: bigint}
          update:
            n: coalesce(state.n, 0) + count(*)
            last: max(v) - coalesce(state.last, 0)
sinks:
  - from: s
    postgres: {table: t, mode: upsert, key: [k]}
`), lanes(n))
		h.run(input{0: {event("a", "00:00", 10)}, 1: {event("a", "00:00", 3)}, 2: {event("b", "00:00", 1)}})
		require.Equal(t, []string{"a 2 10", "b 1 1"}, h.only())
		before := h.time
		_, err := h.compute(input{0: {event("a", "00:00", 1)}})
		require.NoError(t, err)
		h.lose(before)
		h.run(input{0: {event("a", "00:00", 25)}})
		require.Equal(t, []string{"a 3 15"}, h.only())
	}
}

const exploding = `
streams:
  s:
    from: events
    steps:
      - flatMap:
          tag: string_to_array(tags, ',')
      - map:
          q: v / tag::int
      - reduceByKey:
          key: [q]
          values: {n: count(*)}
sinks:
  - from: s
    postgres: {table: t, mode: add, key: [q]}
  - from: events
    postgres: {table: raw, mode: append}
`

func TestARecordThatFailsHalfwayHasNoEffect(t *testing.T) {
	h := open(t, source(exploding))
	h.run(input{0: {
		`{"k":"good","at":"2001-01-01T00:00:00Z","v":6,"tags":"1,2,3"}`,
		`{"k":"bad","at":"2001-01-01T00:00:00Z","v":6,"tags":"1,2,0"}`,
		`{"k":"worse","at":"2001-01-01T00:00:00Z","v":6,"tags":"6,x"}`,
		`not json`,
	}})
	require.Equal(t, []string{"2 1", "3 1", "6 1"}, h.out["postgres:t"])
	require.Len(t, h.out["postgres:raw"], 1, "the other sink does not have the bad ones either")
	require.Len(t, h.dead, 3)
	require.Equal(t, "evaluate", h.dead[0].Code)
	require.Equal(t, "s[1].map", h.dead[0].Stage)
	require.Equal(t, "division by zero", h.dead[0].Error)
	require.Equal(t, "decode", h.dead[2].Code)
	require.Equal(t, batch.Counts{In: 4, Dead: 3}, h.counts)
}

func TestARowThatASinkRefusesTakesItsRecordBack(t *testing.T) {
	h := open(t, source(exploding), refuse("bad"))
	h.run(input{0: {
		`{"k":"good","at":"2001-01-01T00:00:00Z","v":6,"tags":"1"}`,
		`{"k":"bad","at":"2001-01-01T00:00:00Z","v":6,"tags":"2"}`,
	}})
	require.Equal(t, []string{"6 1"}, h.out["postgres:t"])
	require.Len(t, h.dead, 1)
	require.Equal(t, "sink postgres:raw", h.dead[0].Stage)
}

func TestOnErrorStopNamesTheRecord(t *testing.T) {
	h := open(t, strings.Replace(source(exploding), "    event_time:", "    on_error: stop\n    event_time:", 1))
	_, err := h.compute(input{1: {`{"k":"bad","at":"2001-01-01T00:00:00Z","v":6,"tags":"0"}`}})
	var at *engine.RecordError
	require.ErrorAs(t, err, &at)
	require.ErrorContains(t, err, "events/1@0")
}

func TestAnErrorAfterAKeyedOperatorNamesTheKey(t *testing.T) {
	h := open(t, source(`
streams:
  s:
    from: events
    steps:
      - reduceByKey:
          key: [k]
          values: {q: 1 / sum(v)}
sinks:
  - from: s
    postgres: {table: t, mode: append}
`))
	_, err := h.compute(input{0: {event("zero", "00:00", 0)}})
	var fault *operators.Fault
	require.ErrorAs(t, err, &fault)
	require.Equal(t, "k=zero", fault.Key)
	require.ErrorContains(t, err, "s[0].reduceByKey: key (k=zero): division by zero")
}

// TestRowsDoNotDependOnHowTheInputIsCut is metamorphic: any cut into batches, any number of lanes, any batch computed and lost, any
// memory: the same final rows.
func TestRowsDoNotDependOnHowTheInputIsCut(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var all [partitions][]string
	for i := range 400 {
		p := r.IntN(partitions)
		all[p] = append(all[p], event(string(rune('a'+r.IntN(6))), fmt.Sprintf("%02d:%02d", i/40, r.IntN(60)), r.IntN(100)))
	}
	file := strings.Replace(source(fmt.Sprintf(tumbling, "update")), "watermark: 5s", "watermark: 1h", 1)
	want := final(t, file, all, 0)
	for s := range uint64(40) {
		require.Equal(t, want, final(t, file, all, s+1), "variant %d", s+1)
	}
}

// final runs all input under variant v and gives each key's last row.
func final(t *testing.T, file string, all [partitions][]string, v uint64) []string {
	r := rand.New(rand.NewPCG(v, 3))
	h := open(t, file, lanes(1+r.IntN(4)), memory(int64(1+r.IntN(2)*1_000_000)))
	for left := true; left; {
		left = false
		in := input{}
		for p := range partitions {
			n := min(len(all[p]), 1+r.IntN(60))
			if v == 0 {
				n = len(all[p])
			}
			if n > 0 {
				in[p], left = all[p][:n], true
			}
		}
		if before := h.time; v > 0 && r.IntN(4) == 0 && h.commits > 0 {
			_, err := h.compute(in)
			require.NoError(t, err)
			h.lose(before)
		}
		h.run(in)
		for p := range partitions {
			all[p] = all[p][len(in[p]):]
		}
	}
	last := map[string]string{}
	for _, line := range h.only() {
		f := strings.Fields(line)
		last[strings.Join(f[:5], " ")] = line
	}
	var out []string
	for _, line := range last {
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}
