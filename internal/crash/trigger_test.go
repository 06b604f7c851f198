package crash

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryPlaceIsListedOnce(t *testing.T) {
	seen := map[Name]bool{}
	for _, n := range Names() {
		require.False(t, seen[n], n)
		seen[n] = true
	}
	src, err := os.ReadFile("names.go")
	require.NoError(t, err)
	require.Len(t, seen, len(regexp.MustCompile(`Name = "\w+"`).FindAll(src, -1)))
}

func TestOnlyTheNthPassageFires(t *testing.T) {
	trig, err := parse("after_fence:3")
	require.NoError(t, err)
	var fired []int
	for i := 1; i <= 5; i++ {
		require.False(t, trig.passes(AfterRows), "another place is not counted")
		if trig.passes(AfterFence) {
			fired = append(fired, i)
		}
	}
	require.Equal(t, []int{3}, fired)
}

func TestWithoutAVariableNothingFires(t *testing.T) {
	trig, err := parse("")
	require.NoError(t, err)
	require.False(t, trig.passes(AfterFence))
}

func TestATypingErrorIsRefused(t *testing.T) {
	for _, s := range []string{"after_fense", "after_fence:0", "after_fence:x", "after_fence:", ":1"} {
		_, err := parse(s)
		require.Error(t, err, s)
	}
}

func build(t *testing.T, tags string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "program")
	out, err := exec.Command("go", "build", "-tags", tags, "-o", bin, "./testdata/program").CombinedOutput()
	require.NoError(t, err, string(out))
	return bin
}

func TestAProcessDiesAtItsPointOnlyWhenBuiltForIt(t *testing.T) {
	with, without := build(t, "crashpoints"), build(t, "")
	run := func(bin, at string) (string, *exec.Cmd) {
		cmd := exec.Command(bin)
		cmd.Env = append(os.Environ(), "MILLRACE_CRASH_AT="+at)
		out, _ := cmd.CombinedOutput() // how it ended is what the test looks at
		return string(out), cmd
	}
	out, cmd := run(with, "after_fence:2")
	require.Equal(t, "passed 1\n", out)
	require.Equal(t, syscall.SIGKILL, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())

	out, cmd = run(with, "no_such_place")
	require.Contains(t, out, "no crash point is named")
	require.Equal(t, 2, cmd.ProcessState.ExitCode())

	out, cmd = run(without, "after_fence:2")
	require.Equal(t, "passed 1\npassed 2\n", out)
	require.Zero(t, cmd.ProcessState.ExitCode())
}
