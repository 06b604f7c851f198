package embedpg

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755)) // the server's user passes through it
	return Options{
		Dir: filepath.Join(dir, "server"), Binaries: Binaries(Cache(filepath.Join(cache, "millrace"))),
		Settings: []string{"fsync=off"}, Report: func(s string) { t.Log(s) },
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

func TestAServerThatLostItsOwnerHasGoneBeforeTheNextStarts(t *testing.T) {
	o := options(t)
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	execute(t, s, "CREATE TABLE kept AS SELECT 'yes' v")
	require.NoError(t, s.release()) // the system does so when the owner dies, and it ends the lifeline: here that comes later
	soon, cancel := context.WithTimeout(t.Context(), 10*look)
	defer cancel()
	_, err = Start(soon, o)
	require.ErrorContains(t, err, "an earlier process left")
	require.True(t, s.home.ready(), "as long as it is there it is left alone")

	require.NoError(t, s.process.lifeline.Close())
	next, err := Start(t.Context(), o)
	require.NoError(t, err)
	<-s.process.ended
	require.NoError(t, s.process.err, "a shutdown in good order")
	require.Equal(t, "yes", query(t, next, "SELECT v FROM kept"))
	require.NoError(t, next.Stop())
}

func TestAScratchServersDirectoryGoesWithItsOwner(t *testing.T) {
	o := options(t)
	o.Scratch = true
	o.Dir = filepath.Join(os.TempDir(), "millrace-embedpg-"+rand.Text()) // the server's user must be able to remove it
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, s.process.lifeline.Close()) // as if the owner had died
	<-s.process.ended
	require.NoDirExists(t, o.Dir)
	require.NoError(t, s.release())
}

func TestAScratchServerRecoversFromItsStop(t *testing.T) {
	o := options(t)
	o.Scratch = true
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	execute(t, s, "CREATE TABLE kept AS SELECT 'yes' v")
	require.NoError(t, s.Stop())
	require.NoError(t, s.Stop(), "a second time")

	o.Port = s.Port()
	s, err = Start(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, o.Port, s.Port())
	require.Equal(t, "yes", query(t, s, "SELECT v FROM kept"))
	require.NoError(t, s.Stop())
}

func TestAPidFileWhoseNumberBelongsToAnotherProcessIsRemovedAndTheProcessLeftAlone(t *testing.T) {
	o := options(t)
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	b, err := os.ReadFile(s.home.pidFile())
	require.NoError(t, err)
	number, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(number)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	<-s.process.ended // the guard sees it
	require.NoError(t, s.Stop())
	stranger := exec.CommandContext(t.Context(), "sleep", "60") // of ours: Postgres would take it for a server
	stranger.SysProcAttr = &syscall.SysProcAttr{Credential: s.home.runAs}
	require.NoError(t, stranger.Start())
	require.NoError(t, os.WriteFile(s.home.pidFile(), fmt.Appendf(nil, "%d\n%s\n", stranger.Process.Pid, s.home.data()), 0o600))

	s, err = Start(t.Context(), o)
	require.NoError(t, err)
	require.NoError(t, s.Stop())
	require.NoError(t, stranger.Process.Kill())
	require.ErrorContains(t, stranger.Wait(), "signal: killed", "until now it was left alone")
}

func TestStopCutsClientsOffAndFreesThePort(t *testing.T) {
	s, err := Start(t.Context(), options(t))
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), s.URL("postgres"))
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	begun := time.Now()
	require.NoError(t, s.Stop())
	require.Less(t, time.Since(begun), stopTimeout/2, "in good order")
	require.Error(t, conn.Ping(t.Context()))
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port()))
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestAServerThatCannotStartSaysWhyInItsOwnWords(t *testing.T) {
	o := options(t)
	o.Settings = []string{"shared_buffers=rubbish"}
	_, err := Start(t.Context(), o)
	require.ErrorContains(t, err, "shared_buffers")
}
