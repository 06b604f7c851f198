package offsets

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Ledger speaks to the ledger's tables. It is safe for use by several goroutines; a Claim is not.
type Ledger struct {
	pool   *pgxpool.Pool
	config Config
	schema string // quoted
}

// Close closes every connection. Transactions in flight end first.
func (l *Ledger) Close() { l.pool.Close() }

// Ping tells whether the ledger answers and may be written to.
func (l *Ledger) Ping(ctx context.Context) error {
	var standby bool
	if err := l.pool.QueryRow(ctx, `SELECT pg_is_in_recovery()`).Scan(&standby); err != nil {
		return fmt.Errorf("ping the ledger: %w", err)
	}
	if standby {
		l.pool.Reset() // the old primary still answers: no connection to it may live on
		return fmt.Errorf("ping the ledger: %w: it is a standby", ErrServer)
	}
	return nil
}

// sql puts the quoted schema in place of "@", so that no statement relies on search_path.
func (l *Ledger) sql(q string) string { return strings.ReplaceAll(q, "@", l.schema) }

const (
	leastVersion     = 130000
	leastVersionText = "13"
)

const serverFacts = `SELECT current_setting('server_version_num')::int, current_setting('server_version'),
	current_setting('server_encoding'), pg_is_in_recovery()`

func (l *Ledger) checkServer(ctx context.Context) error {
	var (
		num               int
		version, encoding string
		standby           bool
	)
	if err := l.pool.QueryRow(ctx, serverFacts).Scan(&num, &version, &encoding, &standby); err != nil {
		return fmt.Errorf("ask the server what it is: %w", err)
	}
	switch {
	case standby:
		return fmt.Errorf("%w: it is a standby; point MILLRACE_POSTGRES_URL at the primary", ErrServer)
	case num < leastVersion:
		return fmt.Errorf("%w: it is version %s; %s or later is needed", ErrServer, version, leastVersionText)
	case encoding != "UTF8":
		return fmt.Errorf("%w: the database's encoding is %s; create one with ENCODING 'UTF8'", ErrServer, encoding)
	}
	return nil
}
