package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/millrace/millrace/internal/admin"
	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/offsets"
	"github.com/millrace/millrace/internal/stateful"
)

// reporter tells people and metrics what the loop has done.
type reporter struct {
	log     *slog.Logger
	metrics *admin.Metrics
	took    time.Duration // of the newest commit
	halts   map[batch.Partition]bool
	pausing bool
}

// halted tells of a partition that waits for an operator.
func (r *reporter) halted(l *loop, h *ingest.Halt) {
	l.status.Set(admin.Halted(h.Partition), h.Error())
	r.log.LogAttrs(context.Background(), slog.LevelError, "partition halted", slog.String("partition", h.Partition.String()),
		slog.String("code", string(h.Code)), slog.Int64("offset", h.Offset), slog.String("reason", h.Msg), slog.String("cure", h.Cure))
	r.halts[h.Partition] = true
	r.metrics.HaltedPartitions(len(r.halts))
}

// placed takes back what was told of partitions that have been placed anew. Those that were added to a topic are not among them.
func (r *reporter) placed(l *loop) {
	for _, p := range l.partitions {
		l.status.Set(admin.Halted(p), "")
		delete(r.halts, p)
	}
	r.metrics.HaltedPartitions(len(r.halts))
}

func (r *reporter) claimed(c *offsets.Claim) {
	attrs := []any{
		slog.String("pipeline", c.Pipeline), slog.String("instance", c.Instance), slog.Int64("epoch", c.Epoch),
		slog.Int("partitions", len(c.Partitions)), slog.Int("shards", len(c.Heads)),
	}
	for _, p := range c.Previous {
		if p.Instance != "" && p.Instance != c.Instance {
			attrs = append(attrs, slog.String("previous", p.Instance))
		}
	}
	r.log.Info("claimed", attrs...)
	if r.pausing {
		r.pausing = false
		r.log.Info("going on")
	}
}

func (r *reporter) restored(rep stateful.Report, took time.Duration) {
	t := rep.Total()
	r.metrics.Restored(took, t.Bytes)
	r.log.Info("state restored", slog.Int("shards", len(rep.Shards)), slog.Int("local", rep.Local()), slog.Int64("deltas", t.Deltas),
		slog.Int64("snapshot_keys", t.Keys), millis("took_ms", took))
}

func (r *reporter) paused(c batch.Class, why string) {
	level := slog.LevelWarn
	if r.pausing {
		level = slog.LevelDebug // said once; /readyz has it as long as it lasts
	}
	r.pausing = true
	r.log.Log(context.Background(), level, "paused: Postgres cannot commit now; nothing is lost, it goes on by itself", slog.String("class", c.String()), slog.String("reason", why))
}

func (r *reporter) committed(l *loop, b *batch.Batch) {
	total := time.Since(b.Timings.Opened)
	delay := max(0, time.Since(time.UnixMicro(b.Time))-b.Timings.Compute-r.took)
	r.metrics.BatchCommitted(b, admin.Took{Delay: delay, Commit: r.took, Total: total})
	for _, m := range b.Partitions {
		if m.Watermark != batch.NoWatermark {
			r.metrics.WatermarkLag(m.Partition, time.Duration(b.Time-m.Watermark)*time.Microsecond)
		}
	}
	r.log.LogAttrs(context.Background(), slog.LevelInfo, "batch committed",
		slog.Time("batch_time", time.UnixMicro(b.Time).UTC()), slog.Int64("records", b.Counts.In), slog.Int64("rows", b.Counts.Rows),
		slog.Int64("late", b.Counts.Late), slog.Int64("dead", b.Counts.Dead), slog.Int("shards", len(b.Shards)),
		millis("compute_ms", b.Timings.Compute), millis("commit_ms", r.took), millis("took_ms", total))
	if b.Counts.Dead > 0 {
		r.log.LogAttrs(context.Background(), slog.LevelWarn, "records could not be processed", slog.Int64("records", b.Counts.Dead),
			slog.String("first", firstDead(b)))
	}
}

// millis is a duration for logs: milliseconds with three digits, readable in text and in JSON.
func millis(key string, d time.Duration) slog.Attr {
	return slog.Float64(key, float64(d.Microseconds())/1000)
}

func firstDead(b *batch.Batch) string {
	if len(b.Dead) == 0 {
		return "skipped by on_error"
	}
	d := b.Dead[0]
	return d.Stage + ": " + d.Error
}

// health asks the parts that retry by themselves how they are.
func (r *reporter) health(l *loop) {
	if l.input.consumer == nil {
		return
	}
	h := l.input.consumer.Health()
	if h.Err != nil {
		l.status.Set(admin.Kafka, h.Err.Error())
	} else {
		l.status.Set(admin.Kafka, "")
	}
	if l.kafkaDown != (h.Err != nil) {
		l.kafkaDown = h.Err != nil
		if l.kafkaDown {
			r.log.Warn("paused: Kafka does not answer; nothing is lost, it goes on by itself", slog.String("reason", h.Err.Error()))
		} else {
			r.log.Info("Kafka answers again")
		}
	}
	for p, at := range l.input.consumer.Positions() {
		if at.End >= 0 {
			r.metrics.Lag(p, max(0, at.End-l.m.Committed(p)))
		}
	}
	if l.store != nil {
		r.metrics.StateBytes(l.store.Size())
	}
}
