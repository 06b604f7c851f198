package offsets

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/millrace/millrace/internal/batch"
)

const (
	takePartitions = `UPDATE @.partitions p SET epoch = p.epoch + 1, owner = $2, token = $3, claimed_at = clock_timestamp(),
			topic_id = coalesce(p.topic_id, v.topic_id),
			topic_partitions = CASE v.topic_partitions WHEN 0 THEN p.topic_partitions ELSE v.topic_partitions END
		FROM unnest($4::text[], $5::int[], $6::uuid[], $7::int[]) v (topic, partition, topic_id, topic_partitions)
		WHERE p.pipeline = $1 AND p.topic = v.topic AND p.partition = v.partition`
	takeShards = `UPDATE @.shards SET epoch = epoch + 1, owner = $2, token = $3, claimed_at = clock_timestamp()
		WHERE pipeline = $1 AND shard = ANY ($4::int[])`
	writeClaim = `INSERT INTO @.claims (token, pipeline, epoch, instance, replaced) VALUES ($1, $2, $3, $4, $5)`

	readPositions = `SELECT topic, partition, next_offset, leader_epoch, watermark, epoch FROM @.partitions
		WHERE pipeline = $1 AND token = $2`
	readHeads   = `SELECT shard, seq, commit_id, epoch, batch_time FROM @.shards WHERE pipeline = $1 AND token = $2 ORDER BY shard`
	readJournal = `SELECT commit_id, hash, batch_time, watermark FROM @.batches
		WHERE pipeline = $1 ORDER BY batch_time DESC, committed_at DESC LIMIT 1`
)

// replaced is a row of claims.replaced: which token a claim overwrote where.
type replaced struct {
	Topic     string `json:"topic,omitempty"`
	Partition *int32 `json:"partition,omitempty"`
	Shard     *int   `json:"shard,omitempty"`
	Token     string `json:"token"` // as Postgres shows a uuid; empty for a row that nobody had claimed
}

func replacedBy(rows []held) []replaced {
	list := make([]replaced, len(rows))
	for i, h := range rows {
		list[i].Token = uuidText(h.token)
		if h.shard >= 0 {
			list[i].Shard = &rows[i].shard
			continue
		}
		list[i].Topic, list[i].Partition = h.partition.Topic, &rows[i].partition.ID
	}
	return list
}

// take writes token, epoch and owner into the locked rows, and the claim into its own table.
func (l *Ledger) take(ctx context.Context, tx pgx.Tx, req ClaimRequest, epoch int64, parts, shards []held) error {
	topics, numbers := wantedKeys(req.Partitions)
	ids, counts := make([]pgtype.UUID, len(req.Partitions)), make([]int32, len(req.Partitions))
	for i, w := range req.Partitions {
		ids[i], counts[i] = uuid(w.TopicID), w.TopicPartitions
	}
	tag, err := tx.Exec(ctx, l.sql(takePartitions), req.Pipeline, req.Instance, uuid(req.Token), topics, numbers, ids, counts)
	if err != nil {
		return fmt.Errorf("take partition rows: %w", err)
	}
	if int(tag.RowsAffected()) != len(req.Partitions) {
		return fmt.Errorf("take partition rows: %d of %d; a partition is named twice", tag.RowsAffected(), len(req.Partitions))
	}
	if _, err = tx.Exec(ctx, l.sql(takeShards), req.Pipeline, req.Instance, uuid(req.Token), req.Own); err != nil {
		return fmt.Errorf("take shard rows: %w", err)
	}
	_, err = tx.Exec(ctx, l.sql(writeClaim), uuid(req.Token), req.Pipeline, epoch, req.Instance, append(replacedBy(parts), replacedBy(shards)...))
	if err != nil {
		return fmt.Errorf("write the claim: %w", err)
	}
	return nil
}

// readClaimed reads where the claimed rows stand, by statements of its own (L4, L5).
func (l *Ledger) readClaimed(ctx context.Context, tx pgx.Tx, req ClaimRequest, c *Claim) error {
	c.LastTime, c.Watermark = batch.NoWatermark, batch.NoWatermark
	if err := l.readPositions(ctx, tx, c); err != nil {
		return fmt.Errorf("read positions: %w", err)
	}
	if err := l.readHeads(ctx, tx, c); err != nil {
		return fmt.Errorf("read heads: %w", err)
	}
	if len(c.Partitions) != len(req.Partitions) || len(c.Heads) != len(req.Own) {
		return fmt.Errorf("read what was claimed: %d partitions and %d shards of %d and %d",
			len(c.Partitions), len(c.Heads), len(req.Partitions), len(req.Own))
	}
	if err := l.readJournalEnd(ctx, tx, c); err != nil {
		return fmt.Errorf("read the end of the journal: %w", err)
	}
	return nil
}

func (l *Ledger) readPositions(ctx context.Context, tx pgx.Tx, c *Claim) error {
	rows, err := tx.Query(ctx, l.sql(readPositions), c.Pipeline, uuid(c.Token))
	if err != nil {
		return err
	}
	c.Partitions = map[batch.Partition]Position{}
	var (
		p    batch.Partition
		pos  Position
		mark pgtype.Timestamptz
	)
	_, err = pgx.ForEachRow(rows, []any{&p.Topic, &p.ID, &pos.Next, &pos.LeaderEpoch, &mark, &pos.Epoch}, func() error {
		pos.Watermark = micros(mark)
		c.Partitions[p] = pos
		return nil
	})
	return err
}

// readHeads also raises LastTime: with at-least-once a head may be newer than the journal.
func (l *Ledger) readHeads(ctx context.Context, tx pgx.Tx, c *Claim) error {
	rows, err := tx.Query(ctx, l.sql(readHeads), c.Pipeline, uuid(c.Token))
	if err != nil {
		return err
	}
	var (
		h  Head
		id pgtype.UUID
		at pgtype.Timestamptz
	)
	_, err = pgx.ForEachRow(rows, []any{&h.Shard, &h.Seq, &id, &h.Epoch, &at}, func() error {
		h.ID = token(id)
		c.Heads = append(c.Heads, h)
		c.LastTime = max(c.LastTime, micros(at))
		return nil
	})
	return err
}

func (l *Ledger) readJournalEnd(ctx context.Context, tx pgx.Tx, c *Claim) error {
	var (
		id       pgtype.UUID
		at, mark pgtype.Timestamptz
	)
	err := tx.QueryRow(ctx, l.sql(readJournal), c.Pipeline).Scan(&id, &c.LastHash, &at, &mark)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	c.LastCommit, c.LastTime, c.Watermark = token(id), max(c.LastTime, micros(at)), micros(mark)
	return err
}
