package pipeline

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/plan"
)

const small = `pipeline: small
interval: 2s
delivery: at-least-once
workers: 2
batch: {max_records: 10, max_bytes: 1MiB}
sources:
  s:
    kafka: {topic: t}
    format:
      json: {a: text, b: int, c: {type: int, required: true}, d: int}
sinks:
  - from: s
    postgres: {table: t, columns: [a]}
`

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for _, p := range pairs {
			if value, ok := strings.CutPrefix(p, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func TestTheEnvironmentOverridesTheFileAndTheFileTheDefaults(t *testing.T) {
	p, err := Parse("f", []byte(small), noEnv)
	require.NoError(t, err)
	require.Equal(t, 2*time.Second, p.Interval)
	require.Equal(t, batch.AtLeastOnce, p.Delivery)
	require.Equal(t, plan.Caps{MaxRecords: 10, MaxBytes: 1 << 20}, p.Caps)
	require.Equal(t, 2, p.Workers)
	require.Equal(t, 16, p.Shards)
	require.Equal(t, time.Minute, p.SnapshotEvery)

	p, err = Parse("f", []byte(small), environment("MILLRACE_INTERVAL=7s", "MILLRACE_DELIVERY=at-most-once", "MILLRACE_WORKERS=3",
		"MILLRACE_BATCH_MAX_RECORDS=20", "MILLRACE_BATCH_MAX_BYTES=2MiB"))
	require.NoError(t, err)
	require.Equal(t, 7*time.Second, p.Interval)
	require.Equal(t, batch.AtMostOnce, p.Delivery)
	require.Equal(t, plan.Caps{MaxRecords: 20, MaxBytes: 2 << 20}, p.Caps)
	require.Equal(t, 3, p.Workers)
	require.Equal(t, 63*time.Second, p.SnapshotEvery, "a minute, rounded up to the interval")
}

func TestABadOverrideIsReportedUnderItsNameAndABadFileAllTheSame(t *testing.T) {
	src := strings.Replace(small, "interval: 2s", "interval: 2", 1)
	_, err := Parse("f.yaml", []byte(src), environment("MILLRACE_INTERVAL=5", "MILLRACE_BATCH_MAX_BYTES=${X}"))
	require.EqualError(t, err, strings.Join([]string{
		`MILLRACE_BATCH_MAX_BYTES: "${X}" is not a size; write a number of bytes, or one with a unit, such as 64MiB or 64MB`,
		`MILLRACE_INTERVAL: "5" is not a duration; write a number with a unit, such as 500ms, 10s or 1d12h`,
		`f.yaml:2:11: interval: "2" is not a duration; write a number with a unit, such as 500ms, 10s or 1d12h`,
	}, "\n"))
}

func TestEveryOverrideIsOneThatTheFileCanSetToo(t *testing.T) {
	for _, name := range Overrides {
		_, err := Parse("f", []byte(small), environment(name+"=nonsense"))
		require.ErrorContains(t, err, name+": ")
	}
}

func TestAFileThatIsNotThereIsAnErrorOfTheFileSystem(t *testing.T) {
	_, err := Load("testdata/nowhere.yaml", noEnv)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "read pipeline file: ")
}

func TestAProblemCanBeTakenOutOfTheError(t *testing.T) {
	_, err := Parse("f.yaml", []byte("pipeline: p\nsources: 1\nsinks: []\n"), noEnv)
	var one *Error
	require.ErrorAs(t, err, &one)
	require.Equal(t, Error{File: "f.yaml", Line: 2, Column: 10, Path: "sources", Msg: `want sources by name, found "1"`}, *one)
}

func TestAFieldIsDecodedOnlyIfSomethingReadsIt(t *testing.T) {
	used := func(src string) (names []string) {
		p, err := Parse("f", []byte(src), noEnv)
		require.NoError(t, err)
		for i, f := range p.Sources[0].Fields {
			if f.Used {
				names = append(names, p.Sources[0].Columns[i].Name)
			}
		}
		return names
	}
	head := small[:strings.Index(small, "sinks:")]
	through := func(steps, sink string) string {
		return head + "streams:\n  x:\n    from: s\n    steps:\n      - filter: c = c\n" + steps + "sinks:\n  - from: x\n    " + sink + "\n"
	}
	require.Equal(t, []string{"a", "c"}, used(small), "a is written, c is required")
	require.Equal(t, []string{"a", "b", "c", "d"}, used(through("", "console:")))
	require.Equal(t, []string{"a", "b", "c"}, used(through("      - filter: b > 1\n", "postgres: {table: t, columns: [a]}")))
	require.Equal(t, []string{"c"}, used(through("      - map: {e: 1}\n", "console:")))
	require.Equal(t, []string{"b", "c"}, used(through("      - extend: {a: b}\n", "postgres: {table: t, columns: [a]}")), "the old a is replaced")
	require.Equal(t, []string{"a", "c", "d"}, used(through("      - reduceByKey: {key: [a], values: {n: count(*), m: max(d)}}\n", "console:")))
	require.Equal(t, []string{"b", "c", "d"}, used(through("      - transform: {sortBy: [d]}\n", "postgres: {table: t, columns: [b]}")))
}

func TestAnOperatorIsCalledAfterItsStreamWhereverThatStands(t *testing.T) {
	const first, second = "  a:\n    from: s\n    steps:\n      - updateStateByKey: {key: [a], values: {n: count(*)}, emit: all}\n" +
		"      - reduceByKey: {key: [a], values: {n: count(*)}}\n      - updateStateByKey: {key: [a], values: {n: count(*)}}\n",
		"  b:\n    from: s\n    steps:\n      - updateStateByKey: {key: [a], values: {n: count(*)}}\n"
	head := small[:strings.Index(small, "sinks:")] + "streams:\n"
	const tail = "sinks:\n  - from: a\n    console:\n  - from: b\n    console:\n"
	for _, src := range []string{head + first + second + tail, head + second + first + tail} {
		p, err := Parse("f", []byte(src), noEnv)
		require.NoError(t, err)
		ids := map[string][]string{}
		for _, s := range p.Streams {
			for _, step := range s.Steps {
				ids[s.Name] = append(ids[s.Name], step.(*plan.Keyed).ID)
			}
		}
		require.Equal(t, map[string][]string{"a": {"a.updateStateByKey", "a.reduceByKey", "a.updateStateByKey:2"}, "b": {"b.updateStateByKey"}}, ids)
	}
}

func TestStreamsStandBehindWhatTheyRead(t *testing.T) {
	for _, path := range files(t, "testdata/good/*.yaml", 8) {
		known, names := map[*plan.Stream]bool{nil: true}, map[string]bool{}
		for _, s := range load(t, path).Streams {
			require.True(t, known[s.From], "P1: %s in %s", s.Name, path)
			require.NotEqual(t, s.From == nil, s.Source == nil, s.Name)
			require.False(t, names[s.Name], "%s stands twice in %s", s.Name, path)
			known[s], names[s.Name] = true, true
		}
	}
}

func TestOperatorsWithEqualNumbersAreRefused(t *testing.T) {
	one, other := collision()
	body := ":\n    from: s\n    steps:\n      - updateStateByKey: {key: [a], values: {n: count(*)}}\n"
	src := small[:strings.Index(small, "sinks:")] + "streams:\n  " + one + body + "  " + other + body +
		"sinks:\n  - from: " + one + "\n    console:\n  - from: " + other + "\n    console:\n"
	_, err := Parse("f", []byte(src), noEnv)
	require.ErrorContains(t, err, "have the same number in state keys")
}

// collision finds two stream names whose operators share a number; a hash of 32 bits has one among some hundred thousand.
func collision() (string, string) {
	seen := map[uint32]string{}
	for i := 0; ; i++ {
		name := "s" + strings.Repeat("x", i%7) + itoa(i)
		k := plan.Keyed{ID: name + ".updateStateByKey"}
		if before, ok := seen[k.StateID()]; ok {
			return before, name
		}
		seen[k.StateID()] = name
	}
}

func itoa(n int) string {
	digits := []byte{}
	for ; n > 0 || len(digits) == 0; n /= 10 {
		digits = append(digits, byte('a'+n%10))
	}
	return string(digits)
}
