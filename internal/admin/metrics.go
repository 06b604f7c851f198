package admin

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/millrace/millrace/internal/batch"
)

// Metrics counts what the loop reports. All methods may be called at the same time. Each instance has its own registry, so that tests
// and several pipelines in one process do not meet.
type Metrics struct {
	registry *prometheus.Registry
	batches  batchMetrics
	ingest   ingestMetrics
	commit   commitMetrics
	state    stateMetrics
}

// NewMetrics returns metrics in which every counter without a free label stands at zero, so that a first increase can be seen.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		batches:  newBatchMetrics(),
		ingest:   newIngestMetrics(),
		commit:   newCommitMetrics(),
		state:    newStateMetrics(),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "millrace_build_info", Help: "Always 1; the label says which version runs.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(m.batches.all()...)
	m.registry.MustRegister(m.ingest.all()...)
	m.registry.MustRegister(m.commit.all()...)
	m.registry.MustRegister(m.state.all()...)
	return m
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: writeTimeout / 2})
}

// Took says how long the parts of a batch took that the batch itself does not know.
type Took struct {
	Delay  time.Duration // between the moment when it should have been cut and the one when its computing began
	Commit time.Duration // from BEGIN to the answer of COMMIT
	Total  time.Duration // from its first record to the answer of COMMIT
}

// BatchCommitted counts a batch whose commit has been answered with success.
func (m *Metrics) BatchCommitted(b *batch.Batch, t Took) {
	m.batches.committed(b, t)
	m.commit.duration.Observe(t.Commit.Seconds())
	m.state.deltaBytes.Add(float64(deltaBytes(b)))
}

func deltaBytes(b *batch.Batch) (n int) {
	for i := range b.Shards {
		n += len(b.Shards[i].Delta)
	}
	return n
}

// CommitFailed counts a claim or commit that did not succeed.
func (m *Metrics) CommitFailed(c batch.Class) {
	m.commit.failures.WithLabelValues(className(c)).Inc()
	switch c {
	case batch.Fenced:
		m.commit.fenced.Inc()
	case batch.InDoubt:
		m.commit.inDoubt.Inc()
	}
}

// InFlight tells how many commits have been sent and not answered.
func (m *Metrics) InFlight(n int) { m.commit.inFlight.Set(float64(n)) }

// Lag tells how many offsets lie between a partition's committed position and its end for a read_committed reader.
func (m *Metrics) Lag(p batch.Partition, offsets int64) {
	m.ingest.lag.WithLabelValues(labels(p)...).Set(float64(offsets))
}

// WatermarkLag tells how far a partition's watermark stays behind the batch time. Call it only for partitions that have a watermark.
func (m *Metrics) WatermarkLag(p batch.Partition, behind time.Duration) {
	m.batches.watermark.WithLabelValues(labels(p)...).Set(behind.Seconds())
}

// Forget drops the series of a partition that this instance no longer owns.
func (m *Metrics) Forget(p batch.Partition) {
	m.ingest.lag.DeleteLabelValues(labels(p)...)
	m.batches.watermark.DeleteLabelValues(labels(p)...)
}

// HaltedPartitions tells how many partitions wait for an operator.
func (m *Metrics) HaltedPartitions(n int) { m.ingest.halted.Set(float64(n)) }

// Restored counts a restore of all owned shards that has ended well: bytes of snapshots and deltas were applied.
func (m *Metrics) Restored(took time.Duration, bytes int64) {
	m.state.restores.Inc()
	m.state.restoreBytes.Add(float64(bytes))
	m.state.restoreDuration.Observe(took.Seconds())
}

// StateBytes tells how much disk the state of this instance uses.
func (m *Metrics) StateBytes(n int64) { m.state.bytes.Set(float64(n)) }

// SnapshotPublished counts a shard's snapshot that the ledger has accepted.
func (m *Metrics) SnapshotPublished(bytes int64) {
	m.state.snapshots.Inc()
	m.state.snapshotBytes.Add(float64(bytes))
}

func labels(p batch.Partition) []string {
	return []string{p.Topic, strconv.Itoa(int(p.ID))}
}
