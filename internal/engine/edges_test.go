package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/operators"
)

const floats = `
pipeline: test
interval: 1s
shards: 4
sources:
  events:
    kafka: {topic: events}
    format:
      json: {k: text, f: double precision}
streams:
  s:
    from: events
    steps:
      - reduceByKey:
          key: [k]
          values: {n: count(*), total: sum(f)}
sinks:
  - from: s
    postgres: {table: t, mode: append}
`

// A sum that overflows is no record's fault alone, and a record that is set aside must not be counted: so nothing of the batch is.
func TestASumThatOverflowsStopsThePipelineAndNamesTheKey(t *testing.T) {
	const record = `{"k":"big","f":1e308}`
	for name, in := range map[string]input{"in one lane": {0: {record, record}}, "in two lanes": {0: {record}, 1: {record}}} {
		t.Run(name, func(t *testing.T) {
			h := open(t, floats)
			_, err := h.compute(in)
			var fault *operators.Fault
			require.ErrorAs(t, err, &fault)
			require.Equal(t, "k=big", fault.Key)
			require.ErrorContains(t, err, "out of range")
		})
	}
}

// An infinite event time would close every window for ever.
func TestAnEventTimeWithoutEndIsADeadLetterAndDoesNotMoveTheWatermark(t *testing.T) {
	h := open(t, source(fmt.Sprintf(tumbling, "close")))
	h.run(input{0: {
		event("a", "00:01", 1), `{"k":"a","at":"infinity","v":1}`, `{"k":"a","at":"-infinity","v":1}`,
	}, 1: {event("a", "00:01", 1)}, 2: {event("a", "00:01", 1)}})
	require.Len(t, h.dead, 2)
	require.Contains(t, h.dead[0].Error, "infinite")
	require.Equal(t, "2000-12-31T23:59:56Z", time.UnixMicro(h.mark).UTC().Format(time.RFC3339))
}

func TestALateRecordIsSetAsideOnceHoweverManyRowsItGives(t *testing.T) {
	h := open(t, source(`
streams:
  s:
    from: events
    steps:
      - flatMap:
          tag: string_to_array(tags, ',')
      - reduceByKeyAndWindow:
          key: [tag]
          window: {tumbling: 10s}
          values: {n: count(*)}
sinks:
  - from: s
    postgres: {table: t, mode: append}
`))
	in := input{}
	for p := range partitions {
		in[p] = []string{`{"k":"a","at":"2001-01-01T00:01:00Z","v":1,"tags":"x,y"}`}
	}
	h.run(in)
	h.run(input{0: {`{"k":"a","at":"2001-01-01T00:00:00Z","v":1,"tags":"x,y,z"}`}})
	require.Len(t, h.late, 1)
}

// While all is silent the watermark rises over windows that hold nothing; until a batch is committed, that is forgotten when a partition
// speaks again, and what it says then counts.
func TestAWindowThatWasPassedInSilenceIsEmittedAllTheSame(t *testing.T) {
	for _, m := range []int64{1, 1 << 20} {
		h := open(t, strings.Replace(source(fmt.Sprintf(tumbling, "close")), "idle: 1h", "idle: 3s", 1), memory(m))
		h.run(input{0: {event("a", "01:30", 1)}})
		at := h.time + 5*time.Second.Microseconds()
		due, err := h.engine.Due(at, at)
		require.NoError(t, err)
		require.False(t, due, "the watermark would be 85 s, and no window before that has anything in it")
		_, err = h.computeAt(at, nil)
		require.NoError(t, err)
		h.run(input{1: {event("c", "00:52", 1)}})
		h.run(input{1: {event("c", "00:53", 1)}})
		h.run(input{0: {event("d", "05:00", 1)}, 1: {event("d", "05:00", 1)}, 2: {event("d", "05:00", 1)}})
		require.Empty(t, h.late)
		require.Contains(t, h.only(), "2001-01-01 00:00:50+00 2001-01-01 00:01:00+00 c 2 2 1")
	}
}

func TestAWindowInBatchTimeIsReadyAtOnceAfterALongPause(t *testing.T) {
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
    postgres: {table: t, mode: append}
`))
	at := func(s int64, in input) []string {
		r, err := h.computeAt(s*time.Second.Microseconds(), in)
		require.NoError(t, err)
		h.apply(r)
		return h.only()
	}
	require.Empty(t, at(101, input{0: {event("a", "00:00", 1)}}))
	start := time.Now()
	const later = 3_000_000_000
	require.Equal(t, []string{"a 1", "a 1", "b 1"}, at(later, input{0: {event("b", "00:00", 1)}}))
	require.Less(t, time.Since(start), 2*time.Second, "empty windows are passed over, not counted through")
	require.Equal(t, []string{"b 1"}, at(later+2, nil))
}

// A batch may be lost after its windows closed, with most of the state in the store only.
func TestWindowsCloseOnceWhateverIsInMemoryAndWhateverIsLost(t *testing.T) {
	for _, m := range []int64{1, 1 << 20} {
		h := open(t, source(fmt.Sprintf(tumbling, "close")), memory(m), lanes(3))
		all := func(at string) input {
			in := input{}
			for p := range partitions {
				in[p] = []string{event("a", at, 1), event("b", at, 1)}
			}
			return in
		}
		h.run(all("00:01"))
		h.run(all("00:11"))
		h.run(all("00:14"))
		before, mark := h.time, h.mark
		first, err := h.compute(all("00:31"))
		require.NoError(t, err)
		require.NotNil(t, first)
		h.mark = first.Batch.Watermark
		_, err = h.compute(nil)
		require.NoError(t, err)
		h.mark = mark
		h.lose(before)
		require.Empty(t, h.only())
		first, err = h.compute(all("00:31"))
		require.NoError(t, err)
		h.apply(first)
		require.Equal(t, []string{
			"2001-01-01 00:00:00+00 2001-01-01 00:00:10+00 a 3 3 1",
			"2001-01-01 00:00:00+00 2001-01-01 00:00:10+00 b 3 3 1",
			"2001-01-01 00:00:10+00 2001-01-01 00:00:20+00 a 6 6 1",
			"2001-01-01 00:00:10+00 2001-01-01 00:00:20+00 b 6 6 1",
		}, h.only())
		h.run(all("00:12"))
		require.Len(t, h.late, 6)
		require.Empty(t, h.only())
	}
}

// Shrinking after batch n was applied must keep what n+1, computed above it, has changed.
func TestStateOfABatchUnderCommitOutlivesAShrinkingMemory(t *testing.T) {
	h := open(t, words, memory(1))
	h.run(input{0: {"a b c d"}})
	first, err := h.compute(input{0: {"a b"}})
	require.NoError(t, err)
	second, err := h.compute(input{1: {"a c"}})
	require.NoError(t, err)
	h.apply(first)
	third, err := h.compute(input{2: {"a d"}})
	require.NoError(t, err)
	h.apply(second)
	h.apply(third)
	h.only()
	h.run(input{0: {"a b c d"}})
	require.Equal(t, []string{"a 5", "b 3", "c 3", "d 3"}, h.only())
}

// A silence during which the brokers did not answer says nothing: windows must not close over input that is there.
func TestAPartitionIsNotIdleWhileNobodyCanHearIt(t *testing.T) {
	h := open(t, strings.Replace(source(fmt.Sprintf(tumbling, "close")), "idle: 1h", "idle: 3s", 1))
	second := time.Second.Microseconds()
	h.run(input{0: {event("a", "00:01", 1), event("a", "00:59", 5)}})
	at := h.time + 4*second
	h.engine.Unheard(at)
	due, err := h.engine.Due(at, at+second)
	require.NoError(t, err)
	require.False(t, due)
	due, err = h.engine.Due(at+3*second, at+3*second)
	require.NoError(t, err)
	require.True(t, due, "it answers again, and stays silent")
}

func TestARecordThatMovesNothingButThePositionIsCommitted(t *testing.T) {
	h := open(t, source(fmt.Sprintf(tumbling, "close")))
	r, err := h.compute(input{0: {}})
	require.NoError(t, err)
	require.NotNil(t, r, "control records move the position")
	require.Empty(t, r.Batch.Shards)
	require.Equal(t, batch.Counts{}, r.Batch.Counts)
	h.apply(r)
}

func TestAnErrorBehindAKeyedOperatorNamesTheStepWhereItArose(t *testing.T) {
	h := open(t, source(`
streams:
  s:
    from: events
    steps:
      - reduceByKey:
          key: [k]
          values: {total: sum(v)}
      - map:
          k: k
          q: 1 / total
      - transform: {sortBy: [q]}
      - map:
          r: 1 / (q - 1)
sinks:
  - from: s
    postgres: {table: t, mode: append}
`))
	_, err := h.compute(input{0: {event("zero", "00:00", 0)}})
	require.ErrorContains(t, err, "s[1].map: key (k=zero): division by zero")
	h.lose(h.time)
	_, err = h.compute(input{0: {event("one", "00:00", 1)}})
	require.ErrorContains(t, err, "s[3].map: division by zero")
}
