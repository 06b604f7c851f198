package offsets

import (
	"errors"
	"fmt"
	"strings"

	"github.com/millrace/millrace/internal/batch"
)

var (
	// ErrFenced: a row that the batch meant to move holds another token, or the pipeline has another plan. This transaction wrote nothing.
	// Drop what belongs to the rows in *FencedError; claim them again only when the group or the lease assigns them anew.
	ErrFenced = errors.New("offsets: fenced")
	// ErrInDoubt: COMMIT was sent and its outcome is not known. Claim again: that tells, and nothing else does.
	ErrInDoubt = errors.New("offsets: outcome of COMMIT unknown")
	// ErrHalfDone: the first transaction of a cut mode is durable and the second one was rolled back. Claim again, as when in doubt: the
	// tokens in the rows are not the batch's.
	ErrHalfDone = errors.New("offsets: first half committed, second half rolled back")
	// ErrRolledBack: COMMIT was answered with ROLLBACK, because a Writer hid the error of one of its statements. Nothing was written.
	ErrRolledBack = errors.New("offsets: the transaction had failed and was rolled back")
	// ErrPosition: a batch starts elsewhere than the ledger's next offset although the token is right. Nothing was written. It is an error of
	// this program: stop, and claim again after a restart.
	ErrPosition = errors.New("offsets: the batch does not start at the ledger's next offset")
	// ErrNotMigrated: the schema of the ledger is not there, or older than this program. Run the migrations with a role that may create tables.
	ErrNotMigrated = errors.New("offsets: the ledger's schema is not up to date")
	// ErrSchemaNewer: a newer program has migrated the ledger. Nothing was read or written. Run that version, or a newer one.
	ErrSchemaNewer = errors.New("offsets: the ledger's schema is newer than this program")
	// ErrServer: the server cannot hold a ledger: too old, not UTF8, a standby. The text says which.
	ErrServer = errors.New("offsets: this Postgres cannot hold the ledger")
	// ErrPrivilege: the role lacks a privilege on a table of the ledger. The text has the GRANT that mends it.
	ErrPrivilege = errors.New("offsets: missing privilege")
	// ErrNoStart: a partition is new to the ledger and the claim brought no offset to start at. Nothing was written. Resolve `start:` first.
	ErrNoStart = errors.New("offsets: partition is new and has no start offset")
	// ErrUnknownHistory: the ledger does not have the snapshot's commit id at its seq. Nothing is visible of it. Drop the local state: it is
	// of another history.
	ErrUnknownHistory = errors.New("offsets: the ledger does not know this commit id at this seq")
	// ErrSnapshotGone: a snapshot was replaced by a newer one while it was read, or its parts while they were stored. Start over with the
	// newest one.
	ErrSnapshotGone = errors.New("offsets: snapshot is no longer there")
)

// FencedRow is a row of the ledger that holds another token than a batch needs.
type FencedRow struct {
	Partition batch.Partition // of a partition's row
	Shard     int             // of a shard's row; -1 for a partition's
	Held      batch.Token     // what the batch held
	Found     batch.Token     // what the row holds; zero if there is no such row
	Owner     string          // the instance that holds it now
	Epoch     int64
}

func (r FencedRow) String() string {
	name := r.Partition.String()
	if r.Shard >= 0 {
		name = fmt.Sprintf("shard %d", r.Shard)
	}
	if r.Found == (batch.Token{}) {
		return name + " (no such row)"
	}
	return fmt.Sprintf("%s (held by %s since claim %d)", name, r.Owner, r.Epoch)
}

// FencedError says which rows were fenced. It is ErrFenced.
type FencedError struct {
	Pipeline string
	Rows     []FencedRow
	Plan     int64 // the plan version that the ledger has, if it is not the batch's; otherwise 0. Stop: a newer file runs
}

func (e *FencedError) Error() string {
	if e.Plan != 0 {
		return fmt.Sprintf("%v: pipeline %s has plan version %d by now", ErrFenced, e.Pipeline, e.Plan)
	}
	names := make([]string, len(e.Rows))
	for i, r := range e.Rows {
		names[i] = r.String()
	}
	return fmt.Sprintf("%v: pipeline %s: %s", ErrFenced, e.Pipeline, strings.Join(names, ", "))
}

// Is makes errors.Is(err, ErrFenced) true.
func (e *FencedError) Is(target error) bool { return target == ErrFenced }
