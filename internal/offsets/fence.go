package offsets

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/crash"
)

const (
	sharePlan = `SELECT plan_version, token FROM @.pipelines WHERE pipeline = $1 FOR SHARE`

	lockPartitions = `SELECT p.topic, p.partition, p.token, p.owner, p.epoch, p.next_offset FROM @.partitions p
		JOIN unnest($2::text[], $3::int[]) v (topic, partition) ON p.topic = v.topic AND p.partition = v.partition
		WHERE p.pipeline = $1 ORDER BY p.topic, p.partition FOR UPDATE OF p`
	movePartitions = `UPDATE @.partitions p SET token = $2,
			next_offset = CASE WHEN $3 THEN v.next_offset ELSE p.next_offset END,
			leader_epoch = CASE WHEN $3 AND v.leader_epoch >= 0 THEN v.leader_epoch ELSE p.leader_epoch END,
			watermark = CASE WHEN $3 THEN coalesce(v.watermark, p.watermark) ELSE p.watermark END
		FROM unnest($4::text[], $5::int[], $6::uuid[], $7::bigint[], $8::int[], $9::timestamptz[])
			v (topic, partition, held, next_offset, leader_epoch, watermark)
		WHERE p.pipeline = $1 AND p.topic = v.topic AND p.partition = v.partition AND p.token = v.held`

	lockShards = `SELECT shard, token, owner, epoch, seq, commit_id FROM @.shards
		WHERE pipeline = $1 AND shard = ANY ($2::int[]) ORDER BY shard FOR UPDATE`
	moveShards = `UPDATE @.shards s SET token = $2,
			seq = CASE WHEN v.moves THEN v.seq ELSE s.seq END,
			commit_id = CASE WHEN v.moves THEN $3 ELSE s.commit_id END,
			batch_time = CASE WHEN v.moves THEN $4 ELSE s.batch_time END
		FROM unnest($5::int[], $6::uuid[], $7::bigint[], $8::boolean[]) v (shard, held, seq, moves)
		WHERE s.pipeline = $1 AND s.shard = v.shard AND s.token = v.held`
)

// standing is a row as the fence found it, after it had locked it.
type standing struct {
	token batch.Token
	owner string
	epoch int64
	at    int64       // next offset, or seq
	id    batch.Token // of a shard's head
}

// findings is what the fence's statements answered.
type findings struct {
	planVersion int64
	planToken   batch.Token
	partitions  map[batch.Partition]standing
	shards      map[int]standing
	moved       int64 // rows that were updated
}

// fence sends BEGIN and the fence in one round trip: the pipeline's row, then every partition that moves and every shard that is touched
// is locked (L2, L3), and then, by statements that see what the locks waited for (L4), moved if it holds the right token (L1). Positions are
// written here too: a second update of each row would double the dead tuples of the hottest tables.
func (a *attempt) fence(ctx context.Context) error {
	var f findings
	a.queueLocks(&f)
	a.queueMoves(&f)
	results := a.open.conn.SendBatch(ctx, a.queue)
	a.queue = &pgx.Batch{}
	a.open.tx = results.Tx()
	if err := results.Close(); err != nil {
		return fmt.Errorf("fence: %w", err)
	}
	if err := a.judge(f); err != nil {
		return err
	}
	crash.Point(crash.AfterFence)
	return nil
}

func (a *attempt) queueLocks(f *findings) {
	pipeline := a.claim.Pipeline
	a.queue.Queue(a.ledger.sql(sharePlan), pipeline).QueryRow(func(row pgx.Row) error { return scanPlan(row, f) })
	if n := len(a.batch.Partitions); n > 0 {
		topics, numbers := movedKeys(a.batch.Partitions)
		f.partitions = make(map[batch.Partition]standing, n)
		a.queue.Queue(a.ledger.sql(lockPartitions), pipeline, topics, numbers).Query(f.scanPartitions)
	}
	if n := len(a.batch.Shards); n > 0 {
		f.shards = make(map[int]standing, n)
		a.queue.Queue(a.ledger.sql(lockShards), pipeline, touchedShards(a.batch.Shards)).Query(f.scanShards)
	}
}

// scanPlan reads a pipeline's row; no row means that the pipeline was dropped, which judge sees as another plan.
func scanPlan(row pgx.Row, f *findings) error {
	var tok pgtype.UUID
	err := row.Scan(&f.planVersion, &tok)
	f.planToken = token(tok)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

func (f *findings) scanPartitions(rows pgx.Rows) error {
	var (
		p   batch.Partition
		s   standing
		tok pgtype.UUID
	)
	_, err := pgx.ForEachRow(rows, []any{&p.Topic, &p.ID, &tok, &s.owner, &s.epoch, &s.at}, func() error {
		s.token = token(tok)
		f.partitions[p] = s
		return nil
	})
	return err
}

func (f *findings) scanShards(rows pgx.Rows) error {
	var (
		shard   int
		s       standing
		tok, id pgtype.UUID
	)
	_, err := pgx.ForEachRow(rows, []any{&shard, &tok, &s.owner, &s.epoch, &s.at, &id}, func() error {
		s.token, s.id = token(tok), token(id)
		f.shards[shard] = s
		return nil
	})
	return err
}

func (a *attempt) queueMoves(f *findings) {
	count := func(tag pgconn.CommandTag) error { f.moved += tag.RowsAffected(); return nil }
	if len(a.batch.Partitions) > 0 {
		a.queue.Queue(a.ledger.sql(movePartitions), a.partitionMoves()...).Exec(count)
	}
	if len(a.batch.Shards) > 0 {
		a.queue.Queue(a.ledger.sql(moveShards), a.shardMoves()...).Exec(count)
	}
}

func (a *attempt) partitionMoves() []any {
	ps := a.batch.Partitions
	topics, numbers := movedKeys(ps)
	held, nexts := make([]pgtype.UUID, len(ps)), make([]int64, len(ps))
	epochs, marks := make([]int32, len(ps)), make([]pgtype.Timestamptz, len(ps))
	for i, m := range ps {
		held[i], nexts[i], epochs[i], marks[i] = uuid(a.held(m.Held)), m.Until, m.LeaderEpoch, timestamp(m.Watermark)
	}
	return []any{a.claim.Pipeline, uuid(a.written()), a.half.offsets, topics, numbers, held, nexts, epochs, marks}
}

func (a *attempt) shardMoves() []any {
	ss := a.batch.Shards
	held, seqs, moves := make([]pgtype.UUID, len(ss)), make([]int64, len(ss)), make([]bool, len(ss))
	for i, s := range ss {
		held[i], seqs[i], moves[i] = uuid(a.held(s.Held)), s.Seq, a.half.result && len(s.Delta) > 0
	}
	return []any{a.claim.Pipeline, uuid(a.written()), uuid(a.batch.ID), timestamp(a.batch.Time), touchedShards(ss), held, seqs, moves}
}

func movedKeys(ps []batch.Moved) (topics []string, numbers []int32) {
	topics, numbers = make([]string, len(ps)), make([]int32, len(ps))
	for i, m := range ps {
		topics[i], numbers[i] = m.Partition.Topic, m.Partition.ID
	}
	return topics, numbers
}

func touchedShards(ss []batch.Touched) []int {
	numbers := make([]int, len(ss))
	for i, s := range ss {
		numbers[i] = s.Shard
	}
	return numbers
}
