//go:build integration

package harness

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Life is one pipeline in one database over several lives of its process: what stays the same from one start to the next.
type Life struct {
	Postgres *PostgresServer
	Database string
	StateDir string
	env      map[string]string
	t        *testing.T
}

// NewLife makes a fresh database and an empty state directory for the pipeline file; settings are "NAME=value".
func NewLife(t *testing.T, k *KafkaServer, p *PostgresServer, pipeline string, settings ...string) *Life {
	t.Helper()
	l := &Life{Postgres: p, Database: p.Database(t), StateDir: filepath.Join(t.TempDir(), "state"), t: t}
	l.env = map[string]string{
		"MILLRACE_PIPELINE":      pipeline,
		"MILLRACE_KAFKA_BROKERS": k.Addr(),
		"MILLRACE_POSTGRES_URL":  p.URL(l.Database),
		"MILLRACE_STATE_DIR":     l.StateDir,
		"MILLRACE_HTTP_ADDR":     "127.0.0.1:0",
	}
	maps.Copy(l.env, pairs(settings))
	return l
}

func pairs(settings []string) map[string]string {
	m := map[string]string{}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		m[name] = value
	}
	return m
}

// Env is the environment of the life with settings on top; "NAME=" takes NAME out.
func (l *Life) Env(settings ...string) map[string]string {
	env := maps.Clone(l.env)
	maps.Copy(env, pairs(settings))
	maps.DeleteFunc(env, func(_, v string) bool { return v == "" })
	return env
}

// Set changes settings for all further starts.
func (l *Life) Set(settings ...string) { maps.Copy(l.env, pairs(settings)) }

// Start starts `processor run`, which goes on until it is stopped.
func (l *Life) Start(settings ...string) *Process {
	l.t.Helper()
	return Start(l.t, l.Env(settings...), "run")
}

// Run runs `processor run` over what is there, until it has ended.
func (l *Life) Run(settings ...string) (Exit, string) {
	l.t.Helper()
	p := l.Start(append([]string{"MILLRACE_TRIGGER=available-now"}, settings...)...)
	return p.Wait(l.t, 3*time.Minute), p.Output()
}

// Finish runs over what is there and fails the test unless that ends well.
func (l *Life) Finish(settings ...string) {
	l.t.Helper()
	exit, out := l.Run(settings...)
	require.Equal(l.t, Exit{}, exit, "the run ended with %s:\n%s", exit, tail(out, 60))
}

// CrashAt runs until the process dies at a crash point, given as name or name:n. It fails the test if the run ends in another way than
// by reaching its end first; then it says false.
func (l *Life) CrashAt(point string, settings ...string) bool {
	l.t.Helper()
	exit, out := l.Run(append(settings, "MILLRACE_CRASH_AT="+point)...)
	if exit.Killed() {
		return true
	}
	require.Equal(l.t, Exit{}, exit, "with a crash at %s the run ended with %s:\n%s", point, exit, tail(out, 60))
	return false
}

// MustCrashAt is CrashAt for a point that the run has to reach.
func (l *Life) MustCrashAt(point string, settings ...string) {
	l.t.Helper()
	require.True(l.t, l.CrashAt(point, settings...), "the run ended without passing %s", point)
}

// Query asks the life's database.
func (l *Life) Query(sql string, args ...any) [][]string {
	l.t.Helper()
	return l.Postgres.Query(l.t, l.Database, sql, args...)
}

// DropState deletes the state directory.
func (l *Life) DropState() {
	l.t.Helper()
	require.NoError(l.t, os.RemoveAll(l.StateDir))
}

// CopyState copies the state directory, as it is on the disk, to another place.
func (l *Life) CopyState(to string) {
	l.t.Helper()
	copyDir(l.t, l.StateDir, to)
}

// SwapState puts a copy in the place of the state directory.
func (l *Life) SwapState(from string) {
	l.t.Helper()
	l.DropState()
	copyDir(l.t, from, l.StateDir)
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	require.DirExists(t, from)
	out, err := exec.Command("cp", "-a", from, to).CombinedOutput()
	require.NoError(t, err, string(out))
}

// FreeAddr returns a loopback address that nobody listens on.
func FreeAddr(t *testing.T) string {
	t.Helper()
	port, err := freePort()
	require.NoError(t, err)
	return fmt.Sprintf("127.0.0.1:%d", port)
}
