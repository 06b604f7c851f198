package offsets

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// options of every transaction: READ COMMITTED whatever the database's default is, because the protocol needs each statement to see what
// was committed while the one before it waited (L4).
var options = pgx.TxOptions{IsoLevel: pgx.ReadCommitted}

const setTimeouts = `SELECT set_config('lock_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $2, true)`

func (l *Ledger) timeouts() []any {
	return []any{milliseconds(l.config.LockTimeout), milliseconds(l.config.IdleTimeout)}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// open is a transaction and the connection that it runs on. The connection goes back to the pool only once all that the server said on it
// has been read.
type open struct {
	conn *pgxpool.Conn
	tx   pgx.Tx
}

// transact runs body in one transaction and commits it.
func (l *Ledger) transact(ctx context.Context, body func(pgx.Tx) error) error {
	o, err := l.begin(ctx)
	if err != nil {
		return l.unavailable(fmt.Errorf("begin: %w", err))
	}
	_, err = o.tx.Exec(ctx, setTimeouts, l.timeouts()...)
	if err == nil {
		err = body(o.tx)
	}
	if err != nil {
		o.rollback(ctx)
		return l.unavailable(err)
	}
	return l.unavailable(o.end(ctx))
}

func (l *Ledger) begin(ctx context.Context) (*open, error) {
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(ctx, options)
	if err != nil {
		conn.Release()
		return nil, err
	}
	return &open{conn: conn, tx: tx}, nil
}

// rollbackPatience bounds a ROLLBACK: a connection that does not answer it is closed, which rolls back too.
const rollbackPatience = 5 * time.Second

// rollback gives the rows free at once, even if ctx has ended. Its own error says nothing new: a connection that cannot roll back is
// closed, and the server rolls back then.
func (o *open) rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackPatience)
	defer cancel()
	defer o.conn.Release()
	if o.tx != nil { // nil: BEGIN was not sent
		_ = o.tx.Rollback(ctx)
	}
}

// end sends COMMIT, without a deadline, and says what is known of its outcome (L9).
func (o *open) end(ctx context.Context) error {
	defer o.conn.Release()
	said := o.conn.Conn().PgConn().CustomData()
	delete(said, doubtKey)
	err := o.tx.Commit(context.WithoutCancel(ctx))
	notice, _ := said[doubtKey].(string)
	return outcome(err, notice)
}

// unavailable drops every pooled connection if err says that the server may be gone or another one by now: the next transaction gets a new
// connection, and with it the check that it leads to a primary.
func (l *Ledger) unavailable(err error) error {
	var pg *pgconn.PgError
	if c := Classify(err); c == InDoubt || c == Unavailable && (!errors.As(err, &pg) || leavesServer(pg.Code)) {
		l.pool.Reset()
	}
	return err
}

// leavesServer tells whether the code means that the connection leads to a server that stops, has stopped or is no longer the primary.
func leavesServer(code string) bool {
	return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "57P") || code == "25006"
}
