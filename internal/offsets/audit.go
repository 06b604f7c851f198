package offsets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/millrace/millrace/internal/batch"
)

const readEntries = `SELECT commit_id, previous_id, previous_hash, hash, instance, epoch, plan_version, delivery, batch_time, watermark,
		ranges, shards, records_in, records_filtered, records_late, records_dead, rows_out, bytes_in, opened_at, cut_at, compute, committed_at
	FROM @.batches WHERE pipeline = $1 ORDER BY batch_time, committed_at`

// Journal gives a pipeline's entries, oldest first. It holds a connection until the loop ends.
func (l *Ledger) Journal(ctx context.Context, pipeline string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		err := l.eachEntry(ctx, pipeline, func(e Entry) bool { return yield(e, nil) })
		if err != nil && !errors.Is(err, errEnough) {
			yield(Entry{}, fmt.Errorf("read the journal of %s: %w", pipeline, err))
		}
	}
}

func (l *Ledger) eachEntry(ctx context.Context, pipeline string, give func(Entry) bool) error {
	rows, err := l.pool.Query(ctx, l.sql(readEntries), pipeline)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return err
		}
		e.Pipeline = pipeline
		if !give(e) {
			return errEnough
		}
	}
	return rows.Err()
}

func scanEntry(rows pgx.Rows) (e Entry, err error) {
	var (
		id, prev                    pgtype.UUID
		at, mark, opened, cut, done pgtype.Timestamptz
		delivery                    string
	)
	c := &e.Counts
	err = rows.Scan(&id, &prev, &e.PreviousHash, &e.Hash, &e.Instance, &e.Epoch, &e.PlanVersion, &delivery, &at, &mark, &e.Ranges, &e.Shards,
		&c.In, &c.Filtered, &c.Late, &c.Dead, &c.Rows, &c.Bytes, &opened, &cut, &e.Timings.Compute, &done)
	if err != nil {
		return e, err
	}
	mode, ok := batch.ParseMode(delivery)
	if !ok {
		return e, fmt.Errorf("entry %s: delivery %q is not a mode of this program", token(id), delivery)
	}
	e.Commit, e.Previous, e.Delivery, e.Time, e.Watermark = token(id), token(prev), mode, micros(at), micros(mark)
	e.Timings.Opened, e.Timings.Cut, e.CommittedAt = opened.Time, cut.Time, done.Time
	return e, nil
}

// Chain checks a journal entry by entry, oldest first. It keeps one hash an entry. The zero value is ready.
type Chain struct {
	hashes map[batch.Token][]byte
	ends   map[batch.Partition]end
}

// end is where a partition stands after the entries so far.
type end struct {
	until  int64
	commit batch.Token
}

// Check returns what is wrong with the next entry; nil if nothing is. Entries whose predecessors were pruned are taken as they are.
func (c *Chain) Check(e Entry) []string {
	if c.hashes == nil {
		c.hashes, c.ends = map[batch.Token][]byte{}, map[batch.Partition]end{}
	}
	var wrong []string
	if !bytes.Equal(e.Hash, e.Sum()) {
		wrong = append(wrong, fmt.Sprintf("commit %s: its row was changed after the commit: its hash does not fit", e.Commit))
	}
	if h, known := c.hashes[e.Previous]; known && !bytes.Equal(h, e.PreviousHash) {
		wrong = append(wrong, fmt.Sprintf("commit %s: its predecessor %s has another hash than it had", e.Commit, e.Previous))
	}
	if _, known := c.hashes[e.Previous]; !known && c.follows(e) {
		wrong = append(wrong, fmt.Sprintf("commit %s: its predecessor %s is missing", e.Commit, e.Previous))
	}
	c.hashes[e.Commit] = e.Hash
	for _, r := range e.Ranges {
		wrong = append(wrong, c.tile(e, r)...)
	}
	return wrong
}

// follows tells whether something before the entry is in the journal for certain: one of its partitions was seen. Of an owner whose first
// kept entry this is, the one before was pruned.
func (c *Chain) follows(e Entry) bool {
	return slices.ContainsFunc(e.Ranges, func(r JournalRange) bool {
		_, seen := c.ends[batch.Partition{Topic: r.Topic, ID: r.Partition}]
		return seen
	})
}

// tile checks that a partition's ranges follow each other, and that the token that was replaced is the last commit's or no commit's (a
// claim's).
func (c *Chain) tile(e Entry, r JournalRange) []string {
	p := batch.Partition{Topic: r.Topic, ID: r.Partition}
	last, known := c.ends[p]
	c.ends[p] = end{until: r.Until, commit: e.Commit}
	if !known {
		return nil
	}
	var wrong []string
	if r.From != last.until {
		wrong = append(wrong, fmt.Sprintf("commit %s: %s: its range starts at %d, the one before ended at %d", e.Commit, p, r.From, last.until))
	}
	if _, isCommit := c.hashes[token(r.Replaced)]; isCommit && token(r.Replaced) != last.commit {
		wrong = append(wrong, fmt.Sprintf("commit %s: %s: it replaced token %s, the last commit was %s", e.Commit, p, token(r.Replaced), last.commit))
	}
	return wrong
}
