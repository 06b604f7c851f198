package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/testkit"
)

// asProcessor makes the test's own binary the processor, for tests that need a real process.
const asProcessor = "MILLRACE_TEST_AS_PROCESSOR"

// process starts the processor as a process of its own.
func process(t *testing.T, out *locked, environ []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), append(environ, asProcessor+"=1")...)
	cmd.Stdout, cmd.Stderr = out, out
	require.NoError(t, cmd.Start())
	return cmd
}

var lastCount = regexp.MustCompile(`(\d+) flights committed`)

// committed is the newest total on the screen; 0 before there is one.
func committed(out string) int {
	all := lastCount.FindAllStringSubmatch(out, -1)
	if len(all) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(all[len(all)-1][1]) // the expression takes digits only
	return n
}

// It is killed after some snapshots have been taken and deltas trimmed: the next run restores from both.
func TestADemoThatIsKilledGoesOnWhereItWas(t *testing.T) {
	environ := []string{"MILLRACE_CACHE=" + testkit.Cache(t)}
	var out locked
	cmd := process(t, &out, environ, "demo")
	require.Eventually(t, func() bool { return committed(out.String()) > 20_000 }, time.Minute, 100*time.Millisecond, "%s", &out)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())

	var again locked
	cmd = process(t, &again, environ, "demo", "--for", "2s")
	require.NoError(t, cmd.Wait(), "%s", &again)
	require.Contains(t, again.String(), "going on after flight")
	require.Contains(t, again.String(), "none is lost, none is counted twice")
	require.Greater(t, committed(again.String()), committed(out.String()))
}

func TestCtrlCEndsTheDemoInGoodOrder(t *testing.T) {
	var out locked
	cmd := process(t, &out, []string{"MILLRACE_CACHE=" + testkit.Cache(t)}, "demo")
	require.Eventually(t, func() bool { return committed(out.String()) > 0 }, time.Minute, 100*time.Millisecond, "%s", &out)
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	require.NoError(t, cmd.Wait(), "%s", &out)
	require.Contains(t, out.String(), "none is lost, none is counted twice")
}
