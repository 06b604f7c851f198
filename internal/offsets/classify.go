package offsets

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/millrace/millrace/internal/batch"
)

// The classes of batch.Class by the names that they have here.
const (
	Unknown       = batch.Unknown
	Fenced        = batch.Fenced
	InDoubt       = batch.InDoubt
	Unavailable   = batch.Unavailable
	Rejected      = batch.Rejected
	Misconfigured = batch.Misconfigured
)

// Classify sorts an error. It never asks pgconn.SafeToRetry. A context that ended counts as Unavailable: nothing was written.
func Classify(err error) batch.Class {
	switch {
	case err == nil:
		return Unknown
	case errors.Is(err, ErrFenced):
		return Fenced
	case errors.Is(err, ErrInDoubt), errors.Is(err, ErrHalfDone):
		return InDoubt
	case errors.Is(err, ErrRolledBack):
		return Unavailable
	case refusal(err):
		return Misconfigured
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return classifyServer(pg)
	}
	if unreachable(err) {
		return Unavailable
	}
	return Unknown
}

// refusal tells whether err is one of this package's own that an operator must settle.
func refusal(err error) bool {
	for _, e := range []error{ErrNotMigrated, ErrSchemaNewer, ErrServer, ErrPrivilege, ErrNoStart} {
		if errors.Is(err, e) {
			return true
		}
	}
	var (
		plan   *PlanMismatch
		shards *ShardsChanged
		topic  *TopicRecreated
		parts  *PartitionsChanged
		parse  *pgconn.ParseConfigError
	)
	return errors.As(err, &plan) || errors.As(err, &shards) || errors.As(err, &topic) || errors.As(err, &parts) || errors.As(err, &parse)
}

func classifyServer(pg *pgconn.PgError) batch.Class {
	switch pg.Code {
	case "25006", // read-only: a demoted primary, or a disk that an administrator guards
		"25P03", "25P04", // the server ended a transaction that was idle, or long
		"26000", "42P05": // a pooler gave the connection to another server: its prepared statements are not there, or there already
		return Unavailable
	case "0A000":
		if pg.Routine == "RevalidateCachedQuery" { // the table changed under a prepared statement; the next attempt prepares it anew
			return Unavailable
		}
		return Misconfigured
	}
	switch class(pg.Code) {
	case "08", "40", "53", "55", "57", "58":
		return Unavailable
	case "22", "23", "44", "54", "P0": // P0: a trigger of the sink's table refuses a row
		return Rejected
	case "28", "3D", "3F", "42":
		return Misconfigured
	}
	return Unknown
}

// class is the first two characters of a code.
func class(code string) string { return code[:min(2, len(code))] }

// unreachable tells whether err is of the network, or of a context that ended, and not of what was sent.
func unreachable(err error) bool {
	var (
		network net.Error
		connect *pgconn.ConnectError
		errno   syscall.Errno
	)
	if errors.As(err, &network) || errors.As(err, &connect) || errors.As(err, &errno) || pgconn.Timeout(err) {
		return true
	}
	for _, e := range []error{pgconn.ErrConnClosed, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
