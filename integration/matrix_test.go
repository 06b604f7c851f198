//go:build integration

package integration_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/millrace/millrace/integration/harness"
	"github.com/stretchr/testify/require"
)

const (
	exactlyOnce = "exactly-once"
	atLeastOnce = "at-least-once"
	atMostOnce  = "at-most-once"
)

var modes = []string{exactlyOnce, atLeastOnce, atMostOnce}

// The slice of flights that the fault tests run over, and the batches it is cut into.
const (
	matrixTopic   = "flights-matrix"
	matrixRecords = 20_000
	matrixBatch   = "MILLRACE_BATCH_MAX_RECORDS=500" // about 40 batches
)

// count is what the tables say about one origin.
type count struct{ records, delay int64 }

// matrixExpected recomputes the answer from the input.
func matrixExpected(t *testing.T, lines [][]byte) map[string]count {
	t.Helper()
	want := map[string]count{}
	for _, l := range lines {
		var f struct {
			Origin string
			Delay  int64
		}
		require.NoError(t, json.Unmarshal(l, &f))
		c := want[f.Origin]
		want[f.Origin] = count{c.records + 1, c.delay + f.Delay}
	}
	return want
}

// matrixLife makes a life of testdata/matrix.yaml over the shared slice.
func matrixLife(t *testing.T, mode string, settings ...string) *harness.Life {
	t.Helper()
	k := harness.Kafka(t)
	k.Flights(t, matrixTopic, matrixRecords)
	return matrixLifeOn(t, k, harness.Postgres(t), mode, settings...)
}

func matrixLifeOn(t *testing.T, k *harness.KafkaServer, p *harness.PostgresServer, mode string, settings ...string) *harness.Life {
	t.Helper()
	return harness.NewLife(t, k, p, harness.Repo("integration", "testdata", "matrix.yaml"),
		append([]string{"TOPIC=" + matrixTopic, "MILLRACE_DELIVERY=" + mode, matrixBatch}, settings...)...)
}

// matrixTables reads the three tables.
type matrixTables struct {
	totals     map[string]count
	increments map[string]int64
	raw        map[string]int64 // rows by origin
	twice      int64            // ids that are there more than once
	ids        int64            // different ids
}

func readMatrix(t *testing.T, l *harness.Life) matrixTables {
	t.Helper()
	m := matrixTables{totals: map[string]count{}, increments: map[string]int64{}, raw: map[string]int64{}}
	for _, r := range l.Query("SELECT origin, n, total_delay FROM totals") {
		m.totals[r[0]] = count{number(t, r[1]), number(t, r[2])}
	}
	for _, r := range l.Query("SELECT origin, n FROM increments") {
		m.increments[r[0]] = number(t, r[1])
	}
	for _, r := range l.Query("SELECT origin, count(*) FROM raw GROUP BY 1") {
		m.raw[r[0]] = number(t, r[1])
	}
	r := l.Query("SELECT count(*), coalesce(sum((c > 1)::int), 0) FROM (SELECT count(*) c FROM raw GROUP BY id) s")
	m.ids, m.twice = number(t, r[0][0]), number(t, r[0][1])
	return m
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	require.NoError(t, err)
	return n
}

func (m matrixTables) records() int64 {
	var n int64
	for _, c := range m.raw {
		n += c
	}
	return n
}

// requireAgreement holds in every mode: state, increments and rows are saved in one transaction, so they count the same records.
func (m matrixTables) requireAgreement(t *testing.T) {
	t.Helper()
	require.Equal(t, m.raw, m.increments, "rows that were appended and increments that were added")
	totals := map[string]int64{}
	for k, c := range m.totals {
		totals[k] = c.records
	}
	require.Equal(t, m.raw, totals, "rows that were appended and state that was kept")
}

// requirePromise checks the tables against what the mode promises, and returns by how many records they are off.
func (m matrixTables) requirePromise(t *testing.T, mode string, want map[string]count) (surplus int64) {
	t.Helper()
	m.requireAgreement(t)
	surplus = m.records()
	for _, c := range want {
		surplus -= c.records
	}
	switch mode {
	case exactlyOnce:
		require.Equal(t, want, m.totals)
		require.Zero(t, m.twice, "ids that are there twice")
		require.Zero(t, surplus)
	case atLeastOnce:
		require.EqualValues(t, matrixRecords, m.ids, "no record is lost")
		for _, k := range slices.Sorted(maps.Keys(want)) {
			require.GreaterOrEqual(t, m.totals[k].records, want[k].records, k)
		}
	case atMostOnce:
		require.Zero(t, m.twice, "ids that are there twice")
		for _, k := range slices.Sorted(maps.Keys(m.totals)) {
			require.LessOrEqual(t, m.totals[k].records, want[k].records, k)
		}
	}
	return surplus
}

func TestTheMatrixPipelineIsRightWithoutFaults(t *testing.T) {
	harness.Record(t)
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			l := matrixLife(t, mode)
			l.Finish()
			want := matrixExpected(t, harness.FlightLines(t, matrixRecords))
			readMatrix(t, l).requirePromise(t, exactlyOnce, want)
			l.Finish() // nothing is left to do, and nothing is done
			readMatrix(t, l).requirePromise(t, exactlyOnce, want)
			batches := l.Query("SELECT count(*) FROM millrace.batches")
			// a batch is cut between what fetches brought, so that it may hold some records more than its cap
			require.GreaterOrEqual(t, number(t, batches[0][0]), int64(matrixRecords/700), "batches that were small enough to crash between")
		})
	}
}

func line(format string, args ...any) { harness.Report("     "+format, args...) }

func points(counts map[string]int) string {
	var s string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		s += fmt.Sprintf(" %s=%d", k, counts[k])
	}
	return s
}
