package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/millrace/millrace/internal/app"
)

// The exit codes. They are a contract: see docs/OPERATIONS.md.
const (
	exitDone    = 0 // all was done that was asked for
	exitFailed  = 1 // it ran, and failed or was stopped at once
	exitRefused = 2 // refused at start: nothing was read or written
	exitFenced  = 3 // another instance has claimed the pipeline: it runs there
)

// refused marks an error as one of the settings or the command line. Mending them is the cure; starting again is not.
type refused struct{ error }

func (refused) Refused() bool   { return true }
func (r refused) Unwrap() error { return r.error }

// usageError is a command line that cannot be understood.
func usageError(format string, args ...any) error {
	return refused{fmt.Errorf(format+"; `processor help` lists the commands", args...)}
}

func exitCode(err error) int {
	var r interface{ Refused() bool }
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, app.ErrFenced):
		return exitFenced
	case errors.As(err, &r) && r.Refused():
		return exitRefused
	}
	return exitFailed
}

// report says how it ended, each problem on a line of its own: this is for the person who reads the end of a log. It is plain text even
// where the log is JSON, so that quotes in messages stay readable.
func report(in invocation, err error) int {
	code := exitCode(err)
	if err == nil {
		return code
	}
	for _, line := range strings.Split(strings.TrimSpace(err.Error()), "\n") {
		fmt.Fprintln(in.stderr, "processor: "+line)
	}
	return code
}
