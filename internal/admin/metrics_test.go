package admin

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

var flights3 = batch.Partition{Topic: "flights", ID: 3}

// used is a registry in which every metric has been reported once.
func used() *Metrics {
	m := NewMetrics("v0")
	b := &batch.Batch{
		Shards:  []batch.Touched{{Delta: make([]byte, 60)}, {Delta: make([]byte, 40)}},
		Counts:  batch.Counts{In: 10, Filtered: 3, Late: 2, Dead: 1, Rows: 4, Bytes: 500},
		Timings: batch.Timings{Compute: 20 * time.Millisecond},
	}
	m.BatchCommitted(b, Took{Delay: time.Millisecond, Commit: 30 * time.Millisecond, Total: 70 * time.Millisecond})
	for _, c := range []batch.Class{batch.Fenced, batch.InDoubt, batch.Unavailable} {
		m.CommitFailed(c)
	}
	m.InFlight(1)
	m.Lag(flights3, 42)
	m.WatermarkLag(flights3, 90*time.Second)
	m.HaltedPartitions(2)
	m.Restored(time.Second, 1000)
	m.StateBytes(4096)
	m.SnapshotPublished(300)
	return m
}

// families gathers what a scrape would show, by name.
func families(t *testing.T, m *Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	list, err := m.registry.Gather()
	require.NoError(t, err)
	byName := map[string]*dto.MetricFamily{}
	for _, f := range list {
		if strings.HasPrefix(f.GetName(), "millrace_") {
			byName[f.GetName()] = f
		}
	}
	return byName
}

func TestEveryReportIsCountedWhereItBelongs(t *testing.T) {
	got := map[string]float64{}
	for name, f := range families(t, used()) {
		for _, m := range f.GetMetric() {
			got[name+labelText(m)] = value(m)
		}
	}
	want := map[string]float64{
		"millrace_build_info{version=v0}": 1, "millrace_batch_committed_total": 1, "millrace_batch_records_total": 10,
		"millrace_batch_record_bytes_total": 500, "millrace_batch_filtered_records_total": 3, "millrace_batch_rows_total": 4,
		"millrace_batch_dead_letters_total": 1, "millrace_batch_late_rows_total": 2, "millrace_batch_records": 10,
		"millrace_batch_duration_seconds": .07, "millrace_batch_compute_duration_seconds": .02, "millrace_batch_scheduling_delay_seconds": .001,
		"millrace_commit_duration_seconds": .03, "millrace_commit_in_flight": 1, "millrace_commit_fenced_total": 1, "millrace_commit_in_doubt_total": 1,
		"millrace_commit_failures_total{class=fenced}": 1, "millrace_commit_failures_total{class=in_doubt}": 1,
		"millrace_commit_failures_total{class=unavailable}": 1, "millrace_commit_failures_total{class=rejected}": 0,
		"millrace_commit_failures_total{class=unknown}":             0,
		"millrace_commit_failures_total{class=misconfigured}":       0,
		"millrace_ingest_lag_records{partition=3,topic=flights}":    42,
		"millrace_watermark_lag_seconds{partition=3,topic=flights}": 90,
		"millrace_ingest_halted_partitions":                         2,
		"millrace_state_bytes":                                      4096,
		"millrace_state_delta_bytes_total":                          100,
		"millrace_state_restores_total":                             1,
		"millrace_state_restore_bytes_total":                        1000,
		"millrace_state_restore_duration_seconds":                   1,
		"millrace_state_snapshots_total":                            1,
		"millrace_state_snapshot_bytes_total":                       300,
	}
	require.Equal(t, want, got)
}

// value is a counter's or a gauge's value, or a histogram's sum.
func value(m *dto.Metric) float64 {
	switch {
	case m.GetCounter() != nil:
		return m.GetCounter().GetValue()
	case m.GetGauge() != nil:
		return m.GetGauge().GetValue()
	}
	return m.GetHistogram().GetSampleSum()
}

func labelText(m *dto.Metric) string {
	if len(m.GetLabel()) == 0 {
		return ""
	}
	var list []string
	for _, l := range m.GetLabel() {
		list = append(list, l.GetName()+"="+l.GetValue())
	}
	return "{" + strings.Join(list, ",") + "}"
}

func TestAPartitionThatIsGivenUpLeavesNoSeries(t *testing.T) {
	m := used()
	m.Forget(flights3)
	got := families(t, m)
	require.NotContains(t, got, "millrace_ingest_lag_records")
	require.NotContains(t, got, "millrace_watermark_lag_seconds")
}

func TestACutBeforeItsTimeIsNoDelay(t *testing.T) {
	m := NewMetrics("v0")
	m.BatchCommitted(&batch.Batch{}, Took{Delay: -time.Second})
	require.Zero(t, value(families(t, m)["millrace_batch_scheduling_delay_seconds"].GetMetric()[0]))
}

// The page is a contract with dashboards: | `name{labels}` | type | help |.
func TestTheMetricsPageNamesEveryMetricAndNothingElse(t *testing.T) {
	page, err := os.ReadFile("../../docs/METRICS.md")
	require.NoError(t, err)
	row := regexp.MustCompile("(?m)^\\| `(millrace_[a-z_]+)(?:\\{([a-z,]*)\\})?` \\| (\\w+) \\| (.*) \\|$")
	var documented, real []string
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, fmt.Sprintf("%s{%s} %s: %s", m[1], m[2], m[3], m[4]))
	}
	for name, f := range families(t, used()) {
		var names []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			names = append(names, l.GetName())
		}
		slices.Sort(names)
		real = append(real, fmt.Sprintf("%s{%s} %s: %s", name, strings.Join(names, ","), strings.ToLower(f.GetType().String()), f.GetHelp()))
	}
	require.ElementsMatch(t, real, documented)
}

func TestNamesFollowTheConventions(t *testing.T) {
	list, err := used().registry.Gather()
	require.NoError(t, err)
	problems, err := promlint.NewWithMetricFamilies(list).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}
