package embedpg

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// guard is a shell script: it runs a program and passes on the signal that standard input names. If standard input ends without a word, which
// it does when the owner dies of whatever, it sends the signal $1 and then removes the folder $2. It sends more than once, since a shell
// starts its background processes with SIGINT and SIGQUIT ignored, until the program has set its own mind on them; after half a minute it
// sends SIGQUIT. The program's number cannot have gone to another one: the shell has not waited for it yet.
const guard = `signal=$1 drop=$2; shift 2
exec 4<&0
"$@" </dev/null 4<&- & program=$!
{
	left= n=0
	read -r word || { trap '' TERM; word=$signal left=$drop; }
	while kill -"$word" $program; do
		sleep 0.1
		n=$((n+1)); [ $n -lt 300 ] || word=QUIT
	done
	rm -rf "$left"
} <&4 2>/dev/null & listener=$!
wait $program; status=$?
{ kill $listener; wait $listener; } 2>/dev/null
exit $status`

// stopTimeout is how long the guard may take: its half minute and then that of a server which was told to drop everything.
const stopTimeout = time.Minute

// guarded is one of Postgres's programs with its guard.
type guarded struct {
	lifeline io.WriteCloser // the guard's standard input: it ends with this process
	signal   string         // what ends the program in the way that its owner wants
	ended    chan struct{}  // closed when program and guard have gone
	err      error          // how it ended; to be read after ended
}

// run starts one of Postgres's programs. It gets a session of its own (EP4), the lock that says that something runs here (EP2), and an
// environment without ours: PGDATA and the like would be obeyed.
func (h home) run(ctx context.Context, program string, args ...string) (*guarded, error) {
	log, err := os.OpenFile(h.log(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of Postgres: %w", err)
	}
	defer func() { _ = log.Close() }() // the child has its own handle
	p := &guarded{signal: "INT", ended: make(chan struct{})}
	drop := ""
	if h.scratch {
		p.signal, drop = "QUIT", h.dir
	}
	args = append([]string{"-c", guard, "guard", p.signal, drop, filepath.Join(h.binaries, "bin", program)}, args...)
	cmd := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", args...) // it is ended by stop, in good order
	cmd.Dir = h.dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=/usr/bin:/bin"}
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{h.running}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: h.runAs}
	if p.lifeline, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	go func() { // so that it does not stay as a zombie
		defer close(p.ended)
		p.err = cmd.Wait()
	}()
	return p, nil
}

// stop returns when the program has gone; it may have gone before.
func (p *guarded) stop() error {
	_, _ = io.WriteString(p.lifeline, p.signal+"\n") // nobody reads it if it has gone
	wait := time.NewTimer(stopTimeout)
	defer wait.Stop()
	select {
	case <-p.ended:
		return nil
	case <-wait.C:
		return fmt.Errorf("stop Postgres: it did not end within %s", stopTimeout)
	}
}
