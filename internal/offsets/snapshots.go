package offsets

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/crash"
)

const (
	latestSnapshot = `SELECT seq, commit_id, upload, parts, size_bytes FROM @.snapshots
		WHERE pipeline = $1 AND shard = $2 ORDER BY seq DESC LIMIT 1`
	readParts = `SELECT bytes FROM @.snapshot_parts WHERE pipeline = $1 AND shard = $2 AND upload = $3 ORDER BY part`
	storePart = `INSERT INTO @.snapshot_parts (pipeline, shard, upload, part, bytes) VALUES ($1, $2, $3, $4, $5)`
	dropParts = `DELETE FROM @.snapshot_parts WHERE pipeline = $1 AND shard = $2 AND upload = $3`

	lockSnapshots = `SELECT pg_advisory_xact_lock(hashtextextended(format('millrace snapshot %s %s %s', $1::text, $2::text, $3::int), 0))`
	knownID       = `SELECT EXISTS (SELECT FROM @.shards WHERE pipeline = $1 AND shard = $2 AND seq = $3 AND commit_id = $4)
		OR EXISTS (SELECT FROM @.deltas WHERE pipeline = $1 AND shard = $2 AND seq = $3 AND commit_id = $4)`
	storedParts     = `SELECT count(*) FROM @.snapshot_parts WHERE pipeline = $1 AND shard = $2 AND upload = $3`
	publishSnapshot = `INSERT INTO @.snapshots (pipeline, shard, commit_id, seq, upload, parts, size_bytes)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`
	dropSnapshots = `DELETE FROM @.snapshots WHERE pipeline = $1 AND shard = $2 AND seq NOT IN
		(SELECT seq FROM @.snapshots WHERE pipeline = $1 AND shard = $2 ORDER BY seq DESC LIMIT $3)`
	dropOrphans = `DELETE FROM @.snapshot_parts p WHERE pipeline = $1 AND shard = $2
		AND NOT EXISTS (SELECT FROM @.snapshots s WHERE s.pipeline = p.pipeline AND s.shard = p.shard AND s.upload = p.upload)`
)

// Snapshot is a published snapshot of a shard.
type Snapshot struct {
	Seq       int64
	ID        batch.Token // the commit id at Seq
	Parts     int
	SizeBytes int64

	upload batch.Token // names its parts
}

// LatestSnapshot returns a shard's newest published snapshot; false if it has none.
func (l *Ledger) LatestSnapshot(ctx context.Context, pipeline string, shard int) (Snapshot, bool, error) {
	s, err := scanSnapshot(l.pool.QueryRow(ctx, l.sql(latestSnapshot), pipeline, shard))
	if errors.Is(err, pgx.ErrNoRows) {
		return Snapshot{}, false, nil
	}
	if err != nil {
		return Snapshot{}, false, fmt.Errorf("find the snapshot of %s shard %d: %w", pipeline, shard, err)
	}
	return s, true, nil
}

func scanSnapshot(row pgx.Row) (s Snapshot, err error) {
	var id, upload pgtype.UUID
	err = row.Scan(&s.Seq, &id, &upload, &s.Parts, &s.SizeBytes)
	s.ID, s.upload = token(id), token(upload)
	return s, err
}

// SnapshotParts gives a snapshot's parts in order, as they were published. It ends with ErrSnapshotGone if the snapshot was replaced
// meanwhile; what was given until then is of no use. It holds a connection until the loop ends, and one part in memory.
func (l *Ledger) SnapshotParts(ctx context.Context, pipeline string, shard int, s Snapshot) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		err := l.eachPart(ctx, pipeline, shard, s, func(b []byte) bool { return yield(b, nil) })
		if err != nil && !errors.Is(err, errEnough) {
			yield(nil, fmt.Errorf("read snapshot %d of %s shard %d: %w", s.Seq, pipeline, shard, err))
		}
	}
}

func (l *Ledger) eachPart(ctx context.Context, pipeline string, shard int, s Snapshot, give func([]byte) bool) error {
	rows, err := l.pool.Query(ctx, l.sql(readParts), pipeline, shard, uuid(s.upload))
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for ; rows.Next(); n++ {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return err
		}
		if !give(b) {
			return errEnough
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if n != s.Parts {
		return fmt.Errorf("%w: %d parts of %d", ErrSnapshotGone, n, s.Parts)
	}
	return nil
}

// PublishSnapshot stores a shard's state as of (seq, id) and makes it visible (L7):
//
//	store each part in a transaction of its own, under a name that nobody else uses
//	IF there is no snapshot as new, the ledger has id at seq, and every part is still there
//	THEN in one transaction insert the snapshot's row; delete all but the newest ones, and parts that belong to none
//	ELSE delete the parts
//
// A crash in between leaves parts that no row names; the next publication of the shard deletes them, and those of an upload that goes on
// elsewhere at the same time: that one ends with ErrSnapshotGone. A snapshot that is not newer than the published one is dropped silently.
// Parts may be of any size up to some 100 MiB; 1 to 8 MiB is good. Anyone who has the state may publish: no claim is needed.
func (l *Ledger) PublishSnapshot(ctx context.Context, pipeline string, shard int, seq int64, id batch.Token, parts iter.Seq2[[]byte, error]) error {
	s := Snapshot{Seq: seq, ID: id}
	_, _ = rand.Read(s.upload[:]) // crypto/rand.Read never fails
	err := l.storeParts(ctx, pipeline, shard, &s, parts)
	if err == nil {
		err = l.transact(ctx, func(tx pgx.Tx) error { return l.publishIn(ctx, tx, pipeline, shard, s) })
	}
	if err == nil {
		crash.Point(crash.AfterSnapshotRow)
		return nil
	}
	if !errors.Is(err, ErrInDoubt) { // in doubt they may be visible
		l.forget(ctx, pipeline, shard, s)
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return fmt.Errorf("publish snapshot %d of %s shard %d: %w", seq, pipeline, shard, err)
}

func (l *Ledger) storeParts(ctx context.Context, pipeline string, shard int, s *Snapshot, parts iter.Seq2[[]byte, error]) error {
	for b, err := range parts {
		if err != nil {
			return fmt.Errorf("take part %d: %w", s.Parts, err)
		}
		if _, err := l.pool.Exec(ctx, l.sql(storePart), pipeline, shard, uuid(s.upload), s.Parts, b); err != nil {
			return fmt.Errorf("store part %d: %w", s.Parts, l.unavailable(err))
		}
		s.Parts++
		s.SizeBytes += int64(len(b))
		crash.Point(crash.MidSnapshotUpload)
	}
	return nil
}

// forget deletes parts that will not be published. If it cannot, the next publication does.
func (l *Ledger) forget(ctx context.Context, pipeline string, shard int, s Snapshot) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackPatience)
	defer cancel()
	_, _ = l.pool.Exec(ctx, l.sql(dropParts), pipeline, shard, uuid(s.upload))
}

// publishIn is serialised per shard by an advisory lock: two that publish at once would each keep what the other deletes.
func (l *Ledger) publishIn(ctx context.Context, tx pgx.Tx, pipeline string, shard int, s Snapshot) error {
	if _, err := tx.Exec(ctx, lockSnapshots, l.schema, pipeline, shard); err != nil {
		return fmt.Errorf("wait for other snapshots: %w", err)
	}
	newest, err := scanSnapshot(tx.QueryRow(ctx, l.sql(latestSnapshot), pipeline, shard))
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("find the newest snapshot: %w", err)
	}
	if newest.Seq > s.Seq || newest.Seq == s.Seq && newest.ID == s.ID {
		return errEnough
	}
	if err := l.mayPublish(ctx, tx, pipeline, shard, s); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, l.sql(publishSnapshot), pipeline, shard, uuid(s.ID), s.Seq, uuid(s.upload), s.Parts, s.SizeBytes)
	if err != nil {
		return fmt.Errorf("insert its row: %w", err)
	}
	if _, err := tx.Exec(ctx, l.sql(dropSnapshots), pipeline, shard, l.config.KeepOldSnaps); err != nil {
		return fmt.Errorf("delete older ones: %w", err)
	}
	if _, err := tx.Exec(ctx, l.sql(dropOrphans), pipeline, shard); err != nil {
		return fmt.Errorf("delete parts of none: %w", err)
	}
	return nil
}

// mayPublish checks what rule 6 asks, and that nobody has deleted a part.
func (l *Ledger) mayPublish(ctx context.Context, tx pgx.Tx, pipeline string, shard int, s Snapshot) error {
	var known bool
	if err := tx.QueryRow(ctx, l.sql(knownID), pipeline, shard, s.Seq, uuid(s.ID)).Scan(&known); err != nil {
		return fmt.Errorf("look for its commit id: %w", err)
	}
	if !known {
		return fmt.Errorf("%w: %s", ErrUnknownHistory, s.ID)
	}
	var stored int
	if err := tx.QueryRow(ctx, l.sql(storedParts), pipeline, shard, uuid(s.upload)).Scan(&stored); err != nil {
		return fmt.Errorf("count its parts: %w", err)
	}
	if stored != s.Parts {
		return fmt.Errorf("%w: %d parts of %d", ErrSnapshotGone, stored, s.Parts)
	}
	return nil
}
