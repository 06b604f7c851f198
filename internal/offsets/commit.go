package offsets

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/crash"
)

// Writer writes one sink's rows of one batch in the ledger's transaction. It must give the same rows when it is called again, and must
// return the error of every statement that it sent: a hidden one ends as ErrRolledBack.
type Writer interface {
	Write(ctx context.Context, tx pgx.Tx) error
}

// Rejecter is a Writer that may set rows aside. Its dead letters of the last Write are stored in the same transaction as its rows.
type Rejecter interface {
	Writer
	Rejected() []batch.DeadLetter
}

// Commit makes a batch durable, in the order of batch.Order. Its partitions and shards must be held with the tokens that the batch names;
// afterwards each of them holds b.ID (L10) and c.LastCommit is b.ID. The batch needs an ID of its own for every attempt that follows
// anything else than Unavailable.
//
// Classify says what an error means. In short: ErrFenced and all classes but InDoubt have written nothing; after ErrInDoubt and ErrHalfDone
// claim again.
func (l *Ledger) Commit(ctx context.Context, mode batch.Mode, c *Claim, b *batch.Batch, rows []Writer) error {
	a := newAttempt(l, mode, c, b, rows)
	for i, step := range a.order {
		if err := a.do(ctx, step, a.order[i:]); err != nil {
			return fmt.Errorf("commit batch %s of pipeline %s: %w", b.ID, c.Pipeline, a.abandon(ctx, err))
		}
	}
	c.LastCommit, c.LastHash, c.LastTime, c.Watermark = b.ID, a.entry.Hash, b.Time, b.Watermark
	return nil
}

// attempt is one try at making a batch durable.
type attempt struct {
	ledger  *Ledger
	claim   *Claim
	batch   *batch.Batch
	writers []Writer
	order   []batch.Step
	entry   Entry // the journal row

	open     *open      // the current transaction; nil: none
	queue    *pgx.Batch // statements that wait for a round trip
	half     half       // what the current transaction is
	done     int        // transactions that are committed
	rejected []batch.DeadLetter
}

// half is one transaction of a commit: the only one, or one of two.
type half struct {
	first, last     bool
	result, offsets bool // what it saves
}

func newAttempt(l *Ledger, mode batch.Mode, c *Claim, b *batch.Batch, rows []Writer) *attempt {
	sorted := *b // L3: the caller's order does not matter
	sorted.Partitions, sorted.Shards = slices.Clone(b.Partitions), slices.Clone(b.Shards)
	slices.SortFunc(sorted.Partitions, func(x, y batch.Moved) int { return x.Partition.Compare(y.Partition) })
	slices.SortFunc(sorted.Shards, func(x, y batch.Touched) int { return x.Shard - y.Shard })
	return &attempt{ledger: l, claim: c, batch: &sorted, writers: rows, order: batch.Order(mode), entry: newEntry(mode, c, &sorted)}
}

// do runs one step; rest begins with it.
func (a *attempt) do(ctx context.Context, step batch.Step, rest []batch.Step) error {
	switch step {
	case batch.Begin:
		return a.begin(ctx, rest)
	case batch.Fence:
		return a.fence(ctx)
	case batch.SaveResult:
		return a.saveResult(ctx)
	case batch.SaveOffset:
		return a.saveOffset()
	case batch.Commit:
		return a.commit(ctx)
	}
	return fmt.Errorf("step %d is not one of batch.Order", step)
}

// begin takes a connection. BEGIN itself waits for the statements of the fence: they go in one round trip.
func (a *attempt) begin(ctx context.Context, rest []batch.Step) error {
	crash.Point(crash.BeforeBegin)
	conn, err := a.ledger.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	a.open = &open{conn: conn}
	a.half = halfOf(rest, a.done)
	a.queue = &pgx.Batch{}
	a.queue.BeginTx(options)
	a.queue.Queue(setTimeouts, a.ledger.timeouts()...)
	return nil
}

// halfOf reads from the steps that follow what the transaction will save, and whether another one comes after it.
func halfOf(rest []batch.Step, done int) half {
	h := half{first: done == 0}
	for i, s := range rest {
		switch s {
		case batch.SaveResult:
			h.result = true
		case batch.SaveOffset:
			h.offsets = true
		case batch.Commit:
			h.last = i == len(rest)-1
			return h
		}
	}
	return h
}

// written is the token that this transaction leaves in the rows: the batch's ID if it is the last one (L10). A commit must not write a
// token that was there before, so the first of two derives its own from the ID, which is random.
func (a *attempt) written() batch.Token {
	if a.half.last {
		return a.batch.ID
	}
	return interim(a.batch.ID)
}

// held is the token that a row must hold now: the caller's, or what the first half wrote (L8).
func (a *attempt) held(callers batch.Token) batch.Token {
	if a.half.first {
		return callers
	}
	return interim(a.batch.ID)
}

func interim(id batch.Token) (t batch.Token) {
	sum := sha256.Sum256(append([]byte("millrace: first half of "), id[:]...))
	copy(t[:], sum[:])
	return t
}

// flush sends what waits, in one round trip.
func (a *attempt) flush(ctx context.Context) error {
	if a.queue.Len() == 0 {
		return nil
	}
	queue := a.queue
	a.queue = &pgx.Batch{}
	return a.open.tx.SendBatch(ctx, queue).Close()
}

func (a *attempt) commit(ctx context.Context) error {
	if err := a.flush(ctx); err != nil {
		return err
	}
	if a.half.result {
		crash.Point(crash.AfterDelta)
	}
	crash.Point(crash.BeforeCommit)
	o := a.open
	a.open = nil // whatever the answer is, there is nothing to roll back
	if err := o.end(ctx); err != nil {
		return err
	}
	a.done++
	if a.half.last {
		crash.Point(crash.AfterCommit)
		return nil
	}
	crash.Point(crash.BetweenHalves)
	return nil
}

// abandon frees what the attempt holds and says what its error means for the batch as a whole.
func (a *attempt) abandon(ctx context.Context, err error) error {
	if a.open != nil {
		a.open.rollback(ctx)
		a.open = nil
	}
	_ = a.ledger.unavailable(err)
	if c := Classify(err); a.done > 0 && c != Fenced && c != InDoubt {
		return fmt.Errorf("%w: %w", ErrHalfDone, err)
	}
	return err
}
