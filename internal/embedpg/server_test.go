package embedpg

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// options puts a server's directory where its user can reach it, and the binaries where they stay for the next run.
func options(t *testing.T) Options {
	t.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	cache = Cache(filepath.Join(cache, "millrace"))
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755)) // the server's user passes through it
	return Options{
		Dir: filepath.Join(dir, "server"), Binaries: filepath.Join(cache, "postgres-"+Version),
		Settings: map[string]string{"fsync": "off"}, Report: func(s string) { t.Log(s) },
	}
}

func query(t *testing.T, s *Server, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL("postgres"))
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	var out string
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&out))
	return out
}

func TestWhatWasCommittedIsThereAfterTheNextStart(t *testing.T) {
	o := options(t)
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, "done", query(t, s, "WITH x AS (SELECT set_config('a.b', 'c', false)) SELECT 'done' FROM x"))
	execute(t, s, "CREATE TABLE kept (v text); INSERT INTO kept VALUES ('yes')")
	require.NoError(t, s.Stop())

	s, err = Start(t.Context(), o)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Stop()) }()
	require.Equal(t, "yes", query(t, s, "SELECT v FROM kept"))
	require.Equal(t, "UTC", query(t, s, "SHOW timezone"))
	require.Equal(t, "off", query(t, s, "SHOW fsync"))
	require.Equal(t, "C.UTF-8", query(t, s, "SELECT datlocale FROM pg_database WHERE datname = current_database()"))
}

func execute(t *testing.T, s *Server, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL("postgres"))
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}

func TestADirectoryHasOneOwner(t *testing.T) {
	o := options(t)
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	_, err = Start(t.Context(), o)
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, s.Stop())
}

func TestAServerThatLostItsOwnerIsStoppedBeforeTheNextStart(t *testing.T) {
	o := options(t)
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	s.unlock() // as if the owner had died without a word
	next, err := Start(t.Context(), o)
	require.NoError(t, err)
	<-s.ended
	require.NoError(t, next.Stop())
}

func TestAPidFileWhoseNumberBelongsToAnotherProcessIsRemovedAndTheProcessLeftAlone(t *testing.T) {
	o := options(t)
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, s.process.Signal(syscall.SIGKILL))
	<-s.ended
	s.unlock()
	require.NoError(t, os.WriteFile(s.home.pidFile(), []byte(fmt.Sprintf("%d\n%s\n", os.Getpid(), s.home.data())), 0o600))

	s, err = Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, s.Stop())
}

func TestStopCutsClientsOffAndFreesThePort(t *testing.T) {
	s, err := Start(t.Context(), options(t))
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), s.URL("postgres"))
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	begun := time.Now()
	require.NoError(t, s.Stop())
	require.Less(t, time.Since(begun), stopTimeout)
	require.Error(t, conn.Ping(t.Context()))
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port()))
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestAServerThatCannotStartSaysWhyInItsOwnWords(t *testing.T) {
	o := options(t)
	o.Settings = map[string]string{"shared_buffers": "rubbish"}
	_, err := Start(t.Context(), o)
	require.ErrorContains(t, err, "shared_buffers")
}
