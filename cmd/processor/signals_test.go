package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/app"
)

var quiet = slog.New(slog.DiscardHandler)

// two is a process that has been sent this many signals already.
func sent(n int) <-chan os.Signal {
	c := make(chan os.Signal, 3)
	for range n {
		c <- syscall.SIGTERM
	}
	return c
}

func TestTheFirstSignalDrains(t *testing.T) {
	err := untilSignalled(sent(1), quiet, func(ctx context.Context, drain <-chan struct{}) error {
		<-drain
		return ctx.Err()
	})
	require.NoError(t, err)
}

func TestASecondSignalStopsAtOnceAndIsNoSuccess(t *testing.T) {
	err := untilSignalled(sent(2), quiet, func(ctx context.Context, drain <-chan struct{}) error {
		<-drain
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), errStopped)
		return &app.Refusal{Err: ctx.Err()} // it was still opening
	})
	require.ErrorIs(t, err, errStopped)
	require.Equal(t, exitFailed, exitCode(err))
}

func TestWhatFinishesInSpiteOfASecondSignalIsDone(t *testing.T) {
	require.NoError(t, untilSignalled(sent(2), quiet, func(ctx context.Context, _ <-chan struct{}) error {
		<-ctx.Done()
		return nil
	}))
	require.ErrorIs(t, untilSignalled(sent(2), quiet, func(ctx context.Context, _ <-chan struct{}) error {
		<-ctx.Done()
		return app.ErrFenced
	}), app.ErrFenced)
}

func TestALoopThatDoesNotStopIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		begun := time.Now()
		err := untilSignalled(sent(2), quiet, func(context.Context, <-chan struct{}) error {
			<-hang
			return nil
		})
		require.ErrorIs(t, err, errStopped)
		require.Equal(t, lastMoment, time.Since(begun))
		close(hang)
	})
}

func TestAnErrorEndsTheWaitForSignals(t *testing.T) {
	boom := errors.New("boom")
	require.ErrorIs(t, untilSignalled(nil, quiet, func(context.Context, <-chan struct{}) error { return boom }), boom)
}
