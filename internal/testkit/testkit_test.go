package testkit

import (
	"bufio"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { Main(m) }

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func one[T any](t *testing.T, conn *pgx.Conn, sql string) (v T) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&v))
	return v
}

func TestADatabaseIsEmptyAndItsOwn(t *testing.T) {
	a, b := connect(t, Postgres(t)), connect(t, Postgres(t))
	_, err := a.Exec(t.Context(), `CREATE TABLE t (x int)`)
	require.NoError(t, err)
	require.Equal(t, 0, one[int](t, b, `SELECT count(*)::int FROM pg_tables WHERE schemaname = 'public'`))
}

func TestADatabaseIsDroppedWithItsTest(t *testing.T) {
	var name string
	t.Run("inner", func(t *testing.T) { name = connect(t, Postgres(t)).Config().Database })
	outer := connect(t, Postgres(t))
	require.Equal(t, 0, one[int](t, outer, `SELECT count(*)::int FROM pg_database WHERE datname = '`+name+`'`))
}

func TestTheServerComparesTextByBytesInUTC(t *testing.T) {
	if os.Getenv("MILLRACE_TEST_POSTGRES_URL") != "" {
		t.Skip("another server is used")
	}
	conn := connect(t, Postgres(t))
	require.True(t, one[bool](t, conn, `SELECT 'Z' < 'a' AND upper('ä') = 'Ä'`))
	require.Equal(t, "UTC", one[string](t, conn, `SHOW timezone`))
	require.Equal(t, "UTF8", one[string](t, conn, `SHOW server_encoding`))
}

func TestAServerOfItsOwnRecoversAfterACrash(t *testing.T) {
	s := NewServer(t)
	conn := connect(t, s.URL("postgres"))
	_, err := conn.Exec(t.Context(), `CREATE TABLE t AS SELECT 42 x`)
	require.NoError(t, err)
	require.NoError(t, s.Stop())
	require.Error(t, conn.Ping(t.Context()))
	require.NoError(t, s.Start())
	require.Equal(t, 42, one[int](t, connect(t, s.URL("postgres")), `SELECT x FROM t`))
}

// A process that is killed cannot clean up: the server must end all the same (TK2).
func TestTheServerEndsWithAKilledProcess(t *testing.T) {
	if url := os.Getenv("TESTKIT_CHILD"); url != "" {
		s := NewServer(t)
		_, _ = os.Stdout.WriteString("\nserver " + filepath.Join(s.options.Dir, "data", "postmaster.pid") + "\n")
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestTheServerEndsWithAKilledProcess$", "-test.v") //nolint:gosec // this binary
	cmd.Env = append(os.Environ(), "TESTKIT_CHILD=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var pidFile string
	for lines := bufio.NewScanner(out); pidFile == "" && lines.Scan(); {
		pidFile, _ = strings.CutPrefix(lines.Text(), "server ")
		if !strings.HasPrefix(lines.Text(), "server ") {
			pidFile = ""
		}
	}
	require.FileExists(t, pidFile)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Dir(filepath.Dir(pidFile)))
		return errors.Is(err, os.ErrNotExist)
	}, 10*time.Second, 20*time.Millisecond, "the data go once the server has ended")
}

func through(t *testing.T) (direct *pgx.Conn, proxied *pgx.Conn, p *Proxy) {
	t.Helper()
	url := Postgres(t)
	direct = connect(t, url)
	p = NewProxy(t, net.JoinHostPort(direct.Config().Host, strconv.Itoa(int(direct.Config().Port))))
	_, err := direct.Exec(t.Context(), `CREATE TABLE t (x int)`)
	require.NoError(t, err)
	return direct, connect(t, Through(t, url, p)), p
}

func TestACutClosesAndRefusesUntilHealed(t *testing.T) {
	_, conn, p := through(t)
	require.Equal(t, 1, one[int](t, conn, `SELECT 1`))
	p.Cut()
	require.Error(t, conn.Ping(t.Context()))
	_, err := pgx.Connect(t.Context(), conn.Config().ConnString())
	require.Error(t, err)
	p.Heal()
	require.Equal(t, 1, one[int](t, connect(t, conn.Config().ConnString()), `SELECT 1`))
}

func TestASwallowedCommitWasExecuted(t *testing.T) {
	direct, conn, p := through(t)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `INSERT INTO t VALUES (1)`)
	require.NoError(t, err)
	p.SwallowAfter(IsCommit)
	require.Error(t, tx.Commit(t.Context()))
	require.Equal(t, 1, p.Fired())
	require.Equal(t, 1, one[int](t, direct, `SELECT count(*)::int FROM t`), "the answer was lost, not the commit")
}

func TestADelayedCommitArrivesAfterItsClientHasGone(t *testing.T) {
	direct, conn, p := through(t)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `INSERT INTO t VALUES (1)`)
	require.NoError(t, err)
	const hold = 300 * time.Millisecond
	p.DelayMatching(IsCommit, hold)
	go func() {
		for p.Fired() == 0 {
			time.Sleep(time.Millisecond)
		}
		p.Cut()
	}()
	begun := time.Now()
	require.Error(t, tx.Commit(t.Context()))
	require.Less(t, time.Since(begun), hold)
	require.Equal(t, 0, one[int](t, direct, `SELECT count(*)::int FROM t`), "not yet")
	require.Eventually(t, func() bool { return one[int](t, direct, `SELECT count(*)::int FROM t`) == 1 }, 5*time.Second, 10*time.Millisecond)
}
