//go:build integration

package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	binary    = sync.OnceValues(buildBinary)
	binaryDir string // where buildBinary put it, for Main to remove
)

func buildBinary() (string, error) {
	dir, err := os.MkdirTemp("", "millrace-integration-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the binary: %w", err)
	}
	binaryDir = dir
	path := filepath.Join(dir, "processor")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-tags", "crashpoints", "-o", path, "./cmd/processor")
	cmd.Dir = Repo()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the binary with crash points: %w\n%s", err, out)
	}
	return path, nil
}

// Binary returns the path of the binary with crash points, which is built once.
func Binary(t *testing.T) string {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	return path
}

func removeBinary() {
	if binaryDir != "" {
		_ = os.RemoveAll(binaryDir) // a leftover in the temporary folder does no harm
	}
}

// Exit is how a process ended: by its exit code, or by a signal.
type Exit struct {
	Code   int // -1 if a signal ended it
	Signal syscall.Signal
}

func (e Exit) String() string {
	if e.Signal != 0 {
		return "signal " + e.Signal.String()
	}
	return fmt.Sprintf("exit code %d", e.Code)
}

// Killed tells whether a crash point was reached: the process killed itself.
func (e Exit) Killed() bool { return e.Signal == syscall.SIGKILL }

// Process is the processor as a child process.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	exit Exit          // after done
	out  output
}

// Start starts `processor args…` with exactly the environment env, besides PATH and HOME. It is gone when the test ends (H3).
func Start(t *testing.T, env map[string]string, args ...string) *Process {
	t.Helper()
	p := &Process{cmd: exec.Command(Binary(t), args...), done: make(chan struct{})}
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	for k, v := range env {
		p.cmd.Env = append(p.cmd.Env, k+"="+v)
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	require.NoError(t, p.cmd.Start())
	go p.reap()
	t.Cleanup(func() {
		p.Signal(syscall.SIGKILL) // reaches a stopped process too
		<-p.done
		if t.Failed() {
			t.Logf("output of process %d (%s):\n%s", p.cmd.Process.Pid, p.exit, tail(p.Output(), 60))
		}
	})
	return p
}

func (p *Process) reap() {
	_ = p.cmd.Wait() // ProcessState says more
	status := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	p.exit = Exit{Code: status.ExitStatus()}
	if status.Signaled() {
		p.exit.Signal = status.Signal()
	}
	close(p.done)
}

// Run starts the processor and waits for its end.
func Run(t *testing.T, env map[string]string, args ...string) (Exit, string) {
	t.Helper()
	p := Start(t, env, args...)
	return p.Wait(t, 3*time.Minute), p.Output()
}

// Wait waits for the end. When it takes too long the process is asked for its goroutines, and the test fails with them.
func (p *Process) Wait(t *testing.T, limit time.Duration) Exit {
	t.Helper()
	select {
	case <-p.done:
		return p.exit
	case <-time.After(limit):
	}
	p.Signal(syscall.SIGQUIT)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
	require.FailNow(t, "the process did not end", "within %s; its last words and goroutines:\n%s", limit, tail(p.Output(), 200))
	return Exit{}
}

// Signal sends a signal; a process that has ended does not mind.
func (p *Process) Signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// Ended tells whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Exit is how the process ended; it must have ended.
func (p *Process) Exit() Exit {
	<-p.done
	return p.exit
}

// WaitStopped waits until the process has stopped itself (SIGSTOP); false if it ended instead.
func (p *Process) WaitStopped(t *testing.T, limit time.Duration) bool {
	t.Helper()
	stopped := false
	Eventually(t, limit, "the process neither stops nor ends", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if err == nil { // pid (name) state …
			_, after, _ := strings.Cut(string(stat), ") ")
			stopped = strings.HasPrefix(after, "T")
		}
		return stopped || p.Ended()
	})
	return stopped
}

// Output returns what the process has written so far, both streams.
func (p *Process) Output() string { return p.out.String() }

// output is a buffer that may be read while it is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Get asks the processor's HTTP port and returns status and body; status 0 if nobody answers.
func Get(t *testing.T, addr, path string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

// Eventually fails the test if the condition does not come true in time.
func Eventually(t *testing.T, limit time.Duration, complaint string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if condition() {
			return
		}
	}
	require.FailNow(t, complaint, "within %s", limit)
}
