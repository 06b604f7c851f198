//go:build integration

package integration_test

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/harness"
	"github.com/stretchr/testify/require"
)

// refused is the exit code of a start that is refused: nothing was processed, and an operator has something to mend.
const refused = 2

// badStart is a mistake that an operator can make, and what must be said about it: the place and the cure.
type badStart struct {
	name     string
	pipeline string   // another pipeline file than the good one
	settings []string // NAME=value
	prepare  func(t *testing.T, l *harness.Life)
	code     int
	says     []string // regular expressions
}

const goodFile = `pipeline: bad-starts
sources:
  flights:
    kafka: {topic: flights-matrix, start: earliest}
    format:
      json: {id: bigint, origin: text, delay: bigint}
streams:
  counts:
    from: flights
    steps:
      - filter: delay > 15
      - updateStateByKey:
          key: [origin]
          values: {n: count(*)}
sinks:
  - from: counts
    postgres: {table: public.counts, mode: upsert, key: [origin], create: true}
`

func swap(old, with string) string { return strings.Replace(goodFile, old, with, 1) }

func badStarts(t *testing.T) []badStart {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	nobody := harness.FreeAddr(t)
	return []badStart{
		{name: "no broker", settings: []string{"MILLRACE_KAFKA_BROKERS=" + nobody}, code: refused,
			says: []string{regexp.QuoteMeta(nobody), `MILLRACE_KAFKA_BROKERS`}},
		{name: "no Postgres", settings: []string{"MILLRACE_POSTGRES_URL=postgres://u:hidden@" + nobody + "/x?sslmode=disable"}, code: refused,
			says: []string{strings.Replace(regexp.QuoteMeta(nobody), ":", "(:| port )", 1), `MILLRACE_POSTGRES_URL`}},
		{name: "wrong password", settings: []string{"MILLRACE_POSTGRES_URL=postgres://" + harness.User + ":hidden@" + harness.Postgres(t).Addr() + "/postgres?sslmode=disable"},
			code: refused, says: []string{`(?i)password`, harness.User, `MILLRACE_POSTGRES_URL`}},
		{name: "no such database", settings: []string{"MILLRACE_POSTGRES_URL=postgres://" + harness.User + ":" + harness.Password + "@" + harness.Postgres(t).Addr() + "/nowhere?sslmode=disable"},
			code: refused, says: []string{`nowhere`, `MILLRACE_POSTGRES_URL`}},
		{name: "missing topic", pipeline: swap("topic: flights-matrix", "topic: flights-matrx"), code: refused,
			says: []string{`flights-matrx`, `flights-matrix`}},
		{name: "bad YAML", pipeline: swap("streams:\n", "streams: [\n"), code: refused,
			says: []string{`pipeline\.yaml:\d+`}},
		{name: "unknown column", pipeline: swap("delay > 15", "dely > 15"), code: refused,
			says: []string{`pipeline\.yaml:11:17`, `streams\.counts\.steps\[0\]\.filter`, `dely`, `delay`}},
		{name: "state directory that cannot be written", settings: []string{"MILLRACE_STATE_DIR=/dev/null/state"}, code: refused,
			says: []string{`/dev/null/state`, `MILLRACE_STATE_DIR`}},
		{name: "sink column of another type", prepare: withTable("origin text PRIMARY KEY, n text"), code: refused,
			says: []string{`public\.counts|counts`, `\bn\b`, `text`, `bigint`}},
		{name: "sink column that is not there", prepare: withTable("origin text PRIMARY KEY"), code: refused,
			says: []string{`counts`, `\bn\b`}},
		{name: "key without a unique index", prepare: withTable("origin text, n bigint"), code: refused,
			says: []string{`counts`, `origin`, `(?i)unique|primary key`}},
		{name: "port taken", settings: []string{"MILLRACE_HTTP_ADDR=" + taken.Addr().String()}, code: refused,
			says: []string{regexp.QuoteMeta(taken.Addr().String()), `MILLRACE_HTTP_ADDR`}},
		{name: "two bad settings at once", settings: []string{"MILLRACE_INTERVAL=5", "MILLRACE_BATCH_MAX_RECORDS=many"}, code: refused,
			says: []string{`MILLRACE_INTERVAL`, `MILLRACE_BATCH_MAX_RECORDS`}},
		{name: "missing table without create", pipeline: swap(", create: true", ""), code: refused,
			says: []string{`public\.counts`, `create: true`}},
		{name: "unknown variable", settings: []string{"MILLRACE_KAFKA_BROKER=localhost:9092"}, code: refused,
			says: []string{`MILLRACE_KAFKA_BROKER\b`, `did you mean MILLRACE_KAFKA_BROKERS`}},
		{name: "no pipeline file", settings: []string{"MILLRACE_PIPELINE=/nowhere/pipeline.yaml"}, code: refused,
			says: []string{`/nowhere/pipeline\.yaml`}},
	}
}

func withTable(columns string) func(*testing.T, *harness.Life) {
	return func(t *testing.T, l *harness.Life) {
		l.Postgres.Exec(t, l.Database, "CREATE TABLE public.counts ("+columns+")")
	}
}

// TestBadStarts makes each mistake once and looks at the exit code, the words and the time that it takes to say them.
func TestBadStarts(t *testing.T) {
	harness.Record(t)
	k := harness.Kafka(t)
	k.Flights(t, matrixTopic, matrixRecords)
	for _, b := range badStarts(t) {
		t.Run(b.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pipeline.yaml")
			text := goodFile
			if b.pipeline != "" {
				text = b.pipeline
			}
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			l := harness.NewLife(t, k, harness.Postgres(t), file, b.settings...)
			if b.prepare != nil {
				b.prepare(t, l)
			}
			begun := time.Now()
			exit, out := l.Run()
			t.Logf("%s after %.1fs:\n%s", exit, time.Since(begun).Seconds(), out)
			require.Equal(t, harness.Exit{Code: b.code}, exit)
			for _, says := range b.says {
				require.Regexp(t, says, out)
			}
			require.NotContains(t, out, "hidden", "a password")
			require.NotContains(t, out, harness.Password)
			require.NotContains(t, out, "goroutine ", "a panic is no message")
		})
	}
}

func TestTheGoodFileOfTheBadStartsRuns(t *testing.T) {
	harness.Record(t)
	k := harness.Kafka(t)
	k.Flights(t, matrixTopic, matrixRecords)
	file := filepath.Join(t.TempDir(), "pipeline.yaml")
	require.NoError(t, os.WriteFile(file, []byte(goodFile), 0o600))
	harness.NewLife(t, k, harness.Postgres(t), file).Finish()
}
