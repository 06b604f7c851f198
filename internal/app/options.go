package app

import (
	"errors"
	"io"
	"log/slog"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/plan"
)

// Options is what a run needs.
type Options struct {
	Config   config.Config
	Pipeline *plan.Pipeline
	Logger   *slog.Logger
	Stdout   io.Writer       // of console sinks
	Drain    <-chan struct{} // closed: finish what is in hand, commit it, return nil
	Version  string
}

var (
	// ErrFenced: another instance has claimed what this one had. Nothing of the batch in hand was written. Do not start it again by itself
	// while the other runs.
	ErrFenced = errors.New("fenced: another instance runs this pipeline now")
	// ErrStopped: the context ended before what was in hand had been committed. It will be done again after the next start.
	ErrStopped = errors.New("stopped before the batch in hand was committed")
)

// Refusal is an error of the settings or of the servers' state, found before anything was processed.
type Refusal struct{ Err error }

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// Refused tells that the process was refused at start.
func (r *Refusal) Refused() bool { return true }

func refuse(err error) error {
	if err == nil {
		return nil
	}
	return &Refusal{Err: err}
}
