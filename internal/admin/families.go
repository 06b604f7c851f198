package admin

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/millrace/millrace/internal/batch"
)

var (
	byPartition = []string{"topic", "partition"}
	// From a millisecond to a minute: an interval is 10ms to 1h, a commit a round trip to a few seconds.
	seconds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	records = prometheus.ExponentialBuckets(1, 10, 8) // 1 … 10 million
)

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
}

func partitionGauge(name, help string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, byPartition)
}

// batchMetrics are about whole batches, counted when they are durable.
type batchMetrics struct {
	total, records, bytes, filtered, rows, dead, late prometheus.Counter
	sizes, duration, compute, delay                   prometheus.Histogram
	watermark                                         *prometheus.GaugeVec
}

func newBatchMetrics() batchMetrics {
	return batchMetrics{
		total:     counter("millrace_batch_committed_total", "Batches committed."),
		records:   counter("millrace_batch_records_total", "Records read by committed batches."),
		bytes:     counter("millrace_batch_record_bytes_total", "Bytes of keys and values read by committed batches."),
		filtered:  counter("millrace_batch_filtered_records_total", "Records of committed batches that a filter left out."),
		rows:      counter("millrace_batch_rows_total", "Rows given to sinks by committed batches."),
		dead:      counter("millrace_batch_dead_letters_total", "Records of committed batches that were set aside as dead letters."),
		late:      counter("millrace_batch_late_rows_total", "Records of committed batches whose windows had closed before."),
		sizes:     histogram("millrace_batch_records", "Records of a committed batch.", records),
		duration:  histogram("millrace_batch_duration_seconds", "From a batch's first record to the answer of its commit.", seconds),
		compute:   histogram("millrace_batch_compute_duration_seconds", "Computing a batch: decoding, operators, rows, state deltas.", seconds),
		delay:     histogram("millrace_batch_scheduling_delay_seconds", "From the moment a batch should have been cut to the start of its computing.", seconds),
		watermark: partitionGauge("millrace_watermark_lag_seconds", "How far the watermark stays behind the batch time."),
	}
}

func (f *batchMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{f.total, f.records, f.bytes, f.filtered, f.rows, f.dead, f.late, f.sizes, f.duration, f.compute, f.delay, f.watermark}
}

func (f *batchMetrics) committed(b *batch.Batch, t Took) {
	c := b.Counts
	f.total.Inc()
	f.records.Add(float64(c.In))
	f.bytes.Add(float64(c.Bytes))
	f.filtered.Add(float64(c.Filtered))
	f.rows.Add(float64(c.Rows))
	f.dead.Add(float64(c.Dead))
	f.late.Add(float64(c.Late))
	f.sizes.Observe(float64(c.In))
	f.duration.Observe(t.Total.Seconds())
	f.compute.Observe(b.Timings.Compute.Seconds())
	f.delay.Observe(max(0, t.Delay.Seconds())) // a full batch is cut before its time
}

// ingestMetrics are about the partitions that are consumed.
type ingestMetrics struct {
	lag    *prometheus.GaugeVec
	halted prometheus.Gauge
}

func newIngestMetrics() ingestMetrics {
	return ingestMetrics{
		lag:    partitionGauge("millrace_ingest_lag_records", "Offsets between the committed position and the partition's end for a read_committed reader."),
		halted: gauge("millrace_ingest_halted_partitions", "Partitions that wait for an operator."),
	}
}

func (f *ingestMetrics) all() []prometheus.Collector { return []prometheus.Collector{f.lag, f.halted} }

// commitMetrics are about making batches durable.
type commitMetrics struct {
	duration        prometheus.Histogram
	inFlight        prometheus.Gauge
	failures        *prometheus.CounterVec
	fenced, inDoubt prometheus.Counter
}

func newCommitMetrics() commitMetrics {
	f := commitMetrics{
		duration: histogram("millrace_commit_duration_seconds", "From BEGIN to the answer of COMMIT, of commits that succeeded.", seconds),
		inFlight: gauge("millrace_commit_in_flight", "Commits sent and not answered."),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "millrace_commit_failures_total", Help: "Claims and commits that did not succeed, by class."}, []string{"class"}),
		fenced:  counter("millrace_commit_fenced_total", "Commits refused because another instance has claimed the rows."),
		inDoubt: counter("millrace_commit_in_doubt_total", "Commits sent whose answer did not come; resolved by claiming again."),
	}
	for _, c := range []batch.Class{batch.Unknown, batch.Fenced, batch.InDoubt, batch.Unavailable, batch.Rejected, batch.Misconfigured} {
		f.failures.WithLabelValues(className(c))
	}
	return f
}

func (f *commitMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{f.duration, f.inFlight, f.failures, f.fenced, f.inDoubt}
}

func className(c batch.Class) string { return strings.ReplaceAll(c.String(), " ", "_") }

// stateMetrics are about keyed state.
type stateMetrics struct {
	bytes                                                        prometheus.Gauge
	deltaBytes, restores, restoreBytes, snapshots, snapshotBytes prometheus.Counter
	restoreDuration                                              prometheus.Histogram
}

func newStateMetrics() stateMetrics {
	return stateMetrics{
		bytes:           gauge("millrace_state_bytes", "Disk used by the state of this instance."),
		deltaBytes:      counter("millrace_state_delta_bytes_total", "Compressed bytes of state deltas committed."),
		restores:        counter("millrace_state_restores_total", "Restores of state from the ledger; one at each claim."),
		restoreBytes:    counter("millrace_state_restore_bytes_total", "Bytes of snapshots and deltas applied by restores."),
		restoreDuration: histogram("millrace_state_restore_duration_seconds", "Time that a restore took.", seconds),
		snapshots:       counter("millrace_state_snapshots_total", "Snapshots of shards that the ledger has accepted."),
		snapshotBytes:   counter("millrace_state_snapshot_bytes_total", "Bytes of snapshots that the ledger has accepted."),
	}
}

func (f *stateMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{f.bytes, f.deltaBytes, f.restores, f.restoreBytes, f.restoreDuration, f.snapshots, f.snapshotBytes}
}
