package offsets

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// outcome says what an answer to COMMIT means (L9). Known are: done, and rolled back, which the server says with a ROLLBACK tag or with an
// ERROR of a kind that only a server before its commit record can send. Whatever else came, the batch may be durable:
// pgconn.SafeToRetry is not asked, because it is true for a COMMIT that was executed when the socket died before its answer.
func outcome(err error, notice string) error {
	var pg *pgconn.PgError
	switch {
	case err == nil && notice == "":
		return nil
	case err == nil:
		return fmt.Errorf("commit: %w: the server says %q", ErrInDoubt, notice)
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return fmt.Errorf("commit: %w", ErrRolledBack)
	case errors.As(err, &pg) && refusesCommit(pg):
		return fmt.Errorf("commit: %w", err)
	}
	return fmt.Errorf("commit: %w: %w", ErrInDoubt, err)
}

// refusesCommit tells whether a server error in answer to COMMIT proves that the transaction was rolled back. A pooler reports a server
// that it lost as 08 or 58, and one that goes down says 57; both may come after the commit record, and so may anything fatal.
func refusesCommit(pg *pgconn.PgError) bool {
	severity := pg.SeverityUnlocalized
	if severity == "" {
		severity = pg.Severity
	}
	switch class(pg.Code) {
	case "08", "57", "58", "XX", "":
		return false
	}
	return severity == "ERROR"
}

// doubtKey is where noteDoubt leaves a notice for end.
const doubtKey = "millrace in doubt"

// noteDoubt is called for every notice of a connection, on the goroutine that reads its answers.
func noteDoubt(c *pgconn.PgConn, n *pgconn.Notice) {
	if doubtful(n) {
		c.CustomData()[doubtKey] = n.Message
	}
}

// doubtful tells whether a notice says that a commit waits in vain for its replica: "committed locally, but might not have been
// replicated". Code 01000 is every plain warning, so what functions of users raise is told apart by the source file that it names.
func doubtful(n *pgconn.Notice) bool {
	return n.Code == "01000" && n.File != "pl_exec.c" || n.File == "syncrep.c"
}
