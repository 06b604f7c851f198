//go:build crashpoints && linux

package crash

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
)

var armed = sync.OnceValues(func() (crashAt, stopAt *trigger) {
	return arm("MILLRACE_CRASH_AT"), arm("MILLRACE_STOP_AT")
})

// Point marks a place; in this build the process may die or stop there.
func Point(n Name) {
	crashAt, stopAt := armed()
	if crashAt.passes(n) {
		signalSelf(syscall.SIGKILL)
	}
	if stopAt.passes(n) {
		signalSelf(syscall.SIGSTOP)
	}
}

func arm(variable string) *trigger {
	t, err := parse(os.Getenv(variable))
	if err != nil { // CP1
		fmt.Fprintf(os.Stderr, "%s: %v\n", variable, err)
		os.Exit(2)
	}
	return t
}

// signalSelf sends the signal to this very thread, so that it takes effect before the call returns: sent to the process, another thread may take
// it while this one runs on.
func signalSelf(s syscall.Signal) {
	runtime.LockOSThread()
	if err := syscall.Tgkill(os.Getpid(), syscall.Gettid(), s); err != nil {
		fmt.Fprintf(os.Stderr, "crash point: send %s to this process: %v\n", s, err)
		os.Exit(2)
	}
	if s == syscall.SIGKILL {
		select {} // the signal is on its way: nothing after the point may run
	}
	runtime.UnlockOSThread()
}
