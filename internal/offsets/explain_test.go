package offsets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/testkit"
)

func TestEachKindOfErrorHasItsClass(t *testing.T) {
	pg := func(code string) error {
		return fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code, Severity: "ERROR"})
	}
	classes := map[batch.Class][]error{
		Fenced:        {&FencedError{}, fmt.Errorf("x: %w", ErrFenced)},
		InDoubt:       {ErrInDoubt, fmt.Errorf("%w: %w", ErrInDoubt, pg("40001")), fmt.Errorf("%w: %w", ErrHalfDone, pg("23505"))},
		Unavailable:   {ErrRolledBack, io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, net.ErrClosed, pgconn.ErrConnClosed, context.Canceled, context.DeadlineExceeded, &net.OpError{Op: "read", Err: errors.New("x")}},
		Misconfigured: {ErrNotMigrated, ErrSchemaNewer, ErrServer, ErrPrivilege, ErrNoStart, &PlanMismatch{}, &TopicRecreated{}, &PartitionsChanged{}, &ShardsChanged{}},
		Unknown:       {nil, errors.New("x"), ErrPosition, pg("XX000"), pg("21000"), pg("25P02")},
	}
	for class, codes := range map[batch.Class]string{
		Unavailable:   "08006 08P01 40001 40P01 53100 53300 55P03 57014 57P01 57P03 58030 25006 25P03 26000 42P05",
		Rejected:      "22001 22003 22012 22P02 23502 23503 23505 23514 44000 54000 P0001",
		Misconfigured: "28000 28P01 3D000 3F000 42501 42P01 42703 0A000",
	} {
		for _, code := range strings.Fields(codes) {
			classes[class] = append(classes[class], pg(code))
		}
	}
	for class, errs := range classes {
		for _, err := range errs {
			require.Equal(t, class, Classify(err), "%v", err)
		}
	}
	replanned := &pgconn.PgError{Code: "0A000", Routine: "RevalidateCachedQuery"}
	require.Equal(t, Unavailable, Classify(replanned), "the table was altered under a prepared statement")
}

const secret = "s3cr3t-p4ss"

func openError(t *testing.T, url string) error {
	t.Helper()
	_, err := Open(t.Context(), Config{ConnString: url})
	require.Error(t, err)
	return err
}

func TestAnOperatorIsToldWhatIsWrongAndNeverThePassword(t *testing.T) {
	l, url := newLedger(t)
	role, roleURL := withRole(t, l, url)
	nologin := role + "_no"
	exec(t, l, fmt.Sprintf(`CREATE ROLE %s NOLOGIN PASSWORD '%s'`, nologin, secret))
	t.Cleanup(func() { exec(t, l, `DROP ROLE `+nologin) })
	closed := testkit.NewProxy(t, "127.0.0.1:1") // nothing listens there
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	free := listener.Addr().String()
	require.NoError(t, listener.Close())

	with := func(host string) string {
		return fmt.Sprintf("postgres://%s:%s@%s/db?sslmode=disable&connect_timeout=2", role, secret, host)
	}
	for name, c := range map[string]struct {
		url, says string
		class     batch.Class
	}{
		"wrong password":  {testkit.WithUser(t, url, role, secret), "refuses the password of user " + role, Misconfigured},
		"no such role":    {testkit.WithUser(t, url, "nobody_here", secret), "refuses the password of user nobody_here", Misconfigured},
		"no login":        {testkit.WithUser(t, url, nologin, secret), "does not admit user " + nologin, Misconfigured},
		"no database":     {testkit.WithDatabase(t, roleURL, "nowhere"), "has no database nowhere", Misconfigured},
		"nothing listens": {with(free), "nothing listens there", Unavailable},
		"unknown host":    {with("no-such-host.invalid:5432"), "is not known here", Unavailable},
		"no TLS":          {strings.Replace(testkit.WithUser(t, url, role, secret), "sslmode=disable", "sslmode=require", 1), "has no TLS", Unavailable},
		"not a URL":       {"postgres://u:" + secret + "@host:port/x", "not a Postgres connection string", Misconfigured},
		"hangs up":        {with(closed.Addr()), "", Unavailable},
	} {
		err := openError(t, c.url)
		require.Contains(t, Explain(err), c.says, name)
		require.NotContains(t, Explain(err), secret, name)
		require.NotContains(t, err.Error(), secret, name)
		require.Equal(t, c.class, Classify(err), "%s: %v", name, err)
	}
	require.Equal(t, "x", Explain(errors.New("x")))
	require.Empty(t, Explain(nil))
}

func TestADatabaseOfAnotherEncodingIsRefused(t *testing.T) {
	l, url := newLedger(t)
	name := "latin_" + fresh().String()
	exec(t, l, `CREATE DATABASE `+name+` ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0`)
	t.Cleanup(func() { exec(t, l, `DROP DATABASE `+name+` WITH (FORCE)`) })
	err := openError(t, testkit.WithDatabase(t, url, name))
	require.ErrorIs(t, err, ErrServer)
	require.Contains(t, err.Error(), "encoding is SQL_ASCII")
}
