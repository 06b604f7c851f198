package offsets

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/millrace/millrace/internal/batch"
)

const (
	knownPartitions = `SELECT p.topic, p.partition FROM @.partitions p
		JOIN unnest($2::text[], $3::int[]) v (topic, partition) ON p.topic = v.topic AND p.partition = v.partition WHERE p.pipeline = $1`
	topicCounts = `SELECT topic, max(topic_partitions) FROM @.partitions
		WHERE pipeline = $1 AND topic = ANY ($2::text[]) GROUP BY topic`
	makePartitions = `INSERT INTO @.partitions (pipeline, topic, partition, topic_id, topic_partitions, next_offset)
		SELECT $1, v.* FROM unnest($2::text[], $3::int[], $4::uuid[], $5::int[], $6::bigint[]) v ON CONFLICT DO NOTHING`
	claimPartitions = `SELECT p.topic, p.partition, p.topic_id, p.owner, p.token, p.epoch, p.claimed_at FROM @.partitions p
		JOIN unnest($2::text[], $3::int[]) v (topic, partition) ON p.topic = v.topic AND p.partition = v.partition
		WHERE p.pipeline = $1 ORDER BY p.topic, p.partition FOR UPDATE OF p`
	makeShards  = `INSERT INTO @.shards (pipeline, shard) SELECT $1, unnest($2::int[]) ON CONFLICT DO NOTHING`
	claimShards = `SELECT shard, owner, token, epoch, claimed_at FROM @.shards
		WHERE pipeline = $1 AND shard = ANY ($2::int[]) ORDER BY shard FOR UPDATE`
)

// held is a row as it stood when the claim had locked it.
type held struct {
	partition batch.Partition
	shard     int // -1 for a partition
	owner     string
	token     batch.Token
	epoch     int64
	since     time.Time
}

// lockPartitions makes the rows that are new and locks all that are wanted, after checking that they mean the same topics.
func (l *Ledger) lockPartitions(ctx context.Context, tx pgx.Tx, req ClaimRequest) ([]held, error) {
	if len(req.Partitions) == 0 {
		return nil, nil
	}
	if err := l.checkCounts(ctx, tx, req); err != nil {
		return nil, err
	}
	if err := l.makePartitions(ctx, tx, req); err != nil {
		return nil, fmt.Errorf("make partition rows: %w", err)
	}
	topics, numbers := wantedKeys(req.Partitions)
	rows, err := tx.Query(ctx, l.sql(claimPartitions), req.Pipeline, topics, numbers)
	if err != nil {
		return nil, fmt.Errorf("lock partition rows: %w", err)
	}
	ids := map[batch.Partition][16]byte{}
	parts, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (held, error) { return scanPartition(r, ids) })
	if err != nil {
		return nil, fmt.Errorf("lock partition rows: %w", err)
	}
	for _, w := range req.Partitions {
		if kept := ids[w.Partition]; kept != w.TopicID && kept != [16]byte{} && w.TopicID != [16]byte{} {
			return nil, &TopicRecreated{Pipeline: req.Pipeline, Partition: w.Partition, Kept: kept, New: w.TopicID}
		}
	}
	return parts, nil
}

func scanPartition(r pgx.CollectableRow, ids map[batch.Partition][16]byte) (held, error) {
	var (
		h       = held{shard: -1}
		id, tok pgtype.UUID
		since   pgtype.Timestamptz
	)
	err := r.Scan(&h.partition.Topic, &h.partition.ID, &id, &h.owner, &tok, &h.epoch, &since)
	h.token, h.since = token(tok), since.Time
	ids[h.partition] = id.Bytes
	return h, err
}

// checkCounts refuses a topic that has another number of partitions than before, if keys rely on it.
func (l *Ledger) checkCounts(ctx context.Context, tx pgx.Tx, req ClaimRequest) error {
	topics, _ := wantedKeys(req.Partitions)
	rows, err := tx.Query(ctx, l.sql(topicCounts), req.Pipeline, topics)
	if err != nil {
		return fmt.Errorf("read partition counts: %w", err)
	}
	kept := map[string]int32{}
	var (
		topic string
		count int32
	)
	if _, err := pgx.ForEachRow(rows, []any{&topic, &count}, func() error { kept[topic] = count; return nil }); err != nil {
		return fmt.Errorf("read partition counts: %w", err)
	}
	for _, w := range req.Partitions {
		k := kept[w.Partition.Topic]
		if req.PinPartitions && k != 0 && w.TopicPartitions != 0 && k != w.TopicPartitions {
			return &PartitionsChanged{Pipeline: req.Pipeline, Topic: w.Partition.Topic, Kept: k, New: w.TopicPartitions}
		}
	}
	return nil
}

// makePartitions inserts the rows that the ledger does not know, at their start offsets.
func (l *Ledger) makePartitions(ctx context.Context, tx pgx.Tx, req ClaimRequest) error {
	topics, numbers := wantedKeys(req.Partitions)
	rows, err := tx.Query(ctx, l.sql(knownPartitions), req.Pipeline, topics, numbers)
	if err != nil {
		return err
	}
	known, err := pgx.CollectRows(rows, pgx.RowToStructByPos[batch.Partition])
	if err != nil {
		return err
	}
	fresh := slices.DeleteFunc(slices.Clone(req.Partitions), func(w Wanted) bool { return slices.Contains(known, w.Partition) })
	if len(fresh) == 0 {
		return nil
	}
	var (
		ids    []pgtype.UUID
		counts []int32
		starts []int64
	)
	for _, w := range fresh {
		if w.Start < 0 {
			return fmt.Errorf("%w: %s", ErrNoStart, w.Partition)
		}
		ids, counts, starts = append(ids, uuid(w.TopicID)), append(counts, w.TopicPartitions), append(starts, w.Start)
	}
	topics, numbers = wantedKeys(fresh)
	_, err = tx.Exec(ctx, l.sql(makePartitions), req.Pipeline, topics, numbers, ids, counts, starts)
	return err
}

func wantedKeys(ws []Wanted) (topics []string, numbers []int32) {
	for _, w := range ws {
		topics, numbers = append(topics, w.Partition.Topic), append(numbers, w.Partition.ID)
	}
	return topics, numbers
}

// lockShards makes the shards' rows that are new and locks those that are wanted.
func (l *Ledger) lockShards(ctx context.Context, tx pgx.Tx, req ClaimRequest) ([]held, error) {
	if len(req.Own) == 0 {
		return nil, nil
	}
	if _, err := tx.Exec(ctx, l.sql(makeShards), req.Pipeline, req.Own); err != nil {
		return nil, fmt.Errorf("make shard rows: %w", err)
	}
	rows, err := tx.Query(ctx, l.sql(claimShards), req.Pipeline, req.Own)
	if err != nil {
		return nil, fmt.Errorf("lock shard rows: %w", err)
	}
	shards, err := pgx.CollectRows(rows, scanShard)
	if err != nil {
		return nil, fmt.Errorf("lock shard rows: %w", err)
	}
	return shards, nil
}

func scanShard(r pgx.CollectableRow) (held, error) {
	var (
		h     held
		tok   pgtype.UUID
		since pgtype.Timestamptz
	)
	err := r.Scan(&h.shard, &h.owner, &tok, &h.epoch, &since)
	h.token, h.since = token(tok), since.Time
	return h, err
}

// lost gives the rows that somebody else has claimed since the claim that this request renews. A lower epoch than that claim's is no such
// row: Postgres went back to an earlier point, and who was there before is not there now.
func (r ClaimRequest) lost(found []held) []FencedRow {
	if r.After == nil {
		return nil
	}
	shards := make(map[int]int64, len(r.After.Heads))
	for _, h := range r.After.Heads {
		shards[h.Shard] = h.Epoch
	}
	var rows []FencedRow
	for _, h := range found {
		had, ok := shards[h.shard]
		if h.shard < 0 {
			at, known := r.After.Partitions[h.partition]
			had, ok = at.Epoch, known
		}
		if ok && h.epoch > had && !slices.Contains(r.Tried, h.token) {
			rows = append(rows, FencedRow{Partition: h.partition, Shard: h.shard, Held: r.After.Token, Found: h.token, Owner: h.owner, Epoch: h.epoch})
		}
	}
	return rows
}

// holders counts who had the rows, by name.
func holders(parts, shards []held) []Holder {
	by := map[string]*Holder{}
	for _, h := range slices.Concat(parts, shards) {
		o := by[h.owner]
		if o == nil {
			o = &Holder{Instance: h.owner}
			by[h.owner] = o
		}
		if h.shard < 0 {
			o.Partitions++
		} else {
			o.Shards++
		}
		if h.since.After(o.Since) {
			o.Since = h.since
		}
	}
	var list []Holder
	for _, o := range by {
		list = append(list, *o)
	}
	slices.SortFunc(list, func(a, b Holder) int { return cmp.Compare(a.Instance, b.Instance) })
	return list
}
