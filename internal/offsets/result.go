package offsets

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/crash"
)

const (
	insertDeltas = `INSERT INTO @.deltas (pipeline, shard, seq, part, commit_id, previous_id, bytes)
		SELECT $1, v.shard, v.seq, v.part, $2, v.previous_id, v.bytes
		FROM unnest($3::int[], $4::bigint[], $5::int[], $6::uuid[], $7::bytea[]) v (shard, seq, part, previous_id, bytes)`
	insertDead = `INSERT INTO @.dead_letters
			(pipeline, commit_id, source, topic, partition, record_offset, record_time, stage, code, error, key, value)
		SELECT $1, $2, v.* FROM unnest($3::text[], $4::text[], $5::int[], $6::bigint[], $7::timestamptz[], $8::text[], $9::text[],
			$10::text[], $11::bytea[], $12::bytea[]) v`
	insertLate = `INSERT INTO @.late_rows
			(pipeline, commit_id, source, stream, topic, partition, record_offset, event_time, watermark, key, value)
		SELECT $1, $2, v.* FROM unnest($3::text[], $4::text[], $5::text[], $6::int[], $7::bigint[], $8::timestamptz[], $9::timestamptz[],
			$10::bytea[], $11::bytea[]) v`
)

// statementBytes bounds what one statement carries: a message of Postgres ends at 1 GiB, and both ends hold it whole.
const statementBytes = 32 << 20

// saveResult writes the sinks' rows, then queues what the batch leaves in the ledger besides positions.
func (a *attempt) saveResult(ctx context.Context) error {
	a.rejected = nil
	for _, w := range a.writers {
		if err := w.Write(ctx, a.open.tx); err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
		if r, ok := w.(Rejecter); ok {
			a.rejected = append(a.rejected, r.Rejected()...)
		}
	}
	crash.Point(crash.AfterRows)
	a.queueDeltas()
	a.queueDead(append(a.batch.Dead[:len(a.batch.Dead):len(a.batch.Dead)], a.rejected...))
	a.queueLate(a.batch.Late)
	return nil
}

func (a *attempt) queueDeltas() {
	parts := cutDeltas(a.batch.Shards, a.ledger.config.DeltaPart)
	for _, run := range runs(len(parts), func(i int) int { return len(parts[i].bytes) }, statementBytes) {
		var (
			shards, numbers []int
			seqs            []int64
			prevs           []pgtype.UUID
			bytes           [][]byte
		)
		for _, p := range parts[run.from:run.until] {
			shards, numbers, seqs = append(shards, p.of.Shard), append(numbers, p.part), append(seqs, p.of.Seq)
			prevs, bytes = append(prevs, uuid(p.of.Prev)), append(bytes, p.bytes)
		}
		a.queue.Queue(a.ledger.sql(insertDeltas), a.claim.Pipeline, uuid(a.batch.ID), shards, seqs, numbers, prevs, bytes)
	}
}

// part is a piece of a delta that is too long for one row.
type part struct {
	of    batch.Touched
	part  int
	bytes []byte
}

func cutDeltas(ss []batch.Touched, limit int) []part {
	var parts []part
	for _, s := range ss {
		for n, rest := 0, s.Delta; len(rest) > 0; n++ {
			size := min(limit, len(rest))
			parts = append(parts, part{of: s, part: n, bytes: rest[:size]})
			rest = rest[size:]
		}
	}
	return parts
}

type run struct{ from, until int }

// runs cuts n things of given sizes into runs of at most limit bytes, or of one thing that is larger.
func runs(n int, size func(int) int, limit int) []run {
	var (
		list  []run
		bytes int
	)
	for i := range n {
		s := size(i)
		if len(list) == 0 || bytes+s > limit {
			list, bytes = append(list, run{i, i}), 0
		}
		list[len(list)-1].until = i + 1
		bytes += s
	}
	return list
}

// perRow is what a stored record takes besides its key, value and texts, about.
const perRow = 128

func (a *attempt) queueDead(dead []batch.DeadLetter) {
	size := func(i int) int { return perRow + len(dead[i].Key) + len(dead[i].Value) + len(dead[i].Error) }
	for _, run := range runs(len(dead), size, statementBytes) {
		var (
			sources, topics, stages, codes, errs []string
			numbers                              []int32
			offs                                 []int64
			times                                []pgtype.Timestamptz
			keys, values                         [][]byte
		)
		for _, d := range dead[run.from:run.until] {
			sources, topics, numbers = append(sources, text(d.Source)), append(topics, d.Partition.Topic), append(numbers, d.Partition.ID)
			offs, times = append(offs, d.Offset), append(times, recordTime(d.Timestamp))
			stages, codes, errs = append(stages, text(d.Stage)), append(codes, text(d.Code)), append(errs, text(d.Error))
			keys, values = append(keys, d.Key), append(values, d.Value)
		}
		a.queue.Queue(a.ledger.sql(insertDead), a.claim.Pipeline, uuid(a.batch.ID), sources, topics, numbers, offs, times,
			stages, codes, errs, keys, values)
	}
}

func (a *attempt) queueLate(late []batch.LateRow) {
	size := func(i int) int { return perRow + len(late[i].Key) + len(late[i].Value) }
	for _, run := range runs(len(late), size, statementBytes) {
		var (
			sources, streams, topics []string
			numbers                  []int32
			offs                     []int64
			times, marks             []pgtype.Timestamptz
			keys, values             [][]byte
		)
		for _, r := range late[run.from:run.until] {
			sources, streams = append(sources, text(r.Source)), append(streams, text(r.Stream))
			topics, numbers, offs = append(topics, r.Partition.Topic), append(numbers, r.Partition.ID), append(offs, r.Offset)
			times, marks = append(times, timestamp(r.EventTime)), append(marks, timestamp(r.Watermark))
			keys, values = append(keys, r.Key), append(values, r.Value)
		}
		a.queue.Queue(a.ledger.sql(insertLate), a.claim.Pipeline, uuid(a.batch.ID), sources, streams, topics, numbers, offs, times, marks,
			keys, values)
	}
}

// latest is the last millisecond that a timestamptz can hold, about: the year 294000.
const latest = 9214646400000

// recordTime is a record's timestamp, which producers may set to anything: what is no time is NULL.
func recordTime(millis int64) pgtype.Timestamptz {
	if millis < 0 || millis > latest {
		return pgtype.Timestamptz{}
	}
	return timestamp(millis * 1000)
}
