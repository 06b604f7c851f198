package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"time"

	"github.com/millrace/millrace/internal/demo"
)

// runDemo is `processor demo`.
func runDemo(in invocation) error {
	length, err := demoFlags(in.args)
	if err != nil {
		return err
	}
	log := newLogger(in.stderr, "text", slog.LevelInfo, in.terminal)
	return untilSignalled(in.signals, log, func(ctx context.Context, drain <-chan struct{}) error {
		return demo.Run(ctx, demo.Options{
			For: length, Cache: in.getenv(cacheVariable), Stdout: in.stdout, Terminal: in.screen, Drain: drain, Version: buildVersion(),
		})
	})
}

func demoFlags(args []string) (time.Duration, error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // report prints the error, once
	length := flags.Duration("for", 0, "")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = errors.New("no argument is wanted")
	}
	if err == nil && *length < 0 {
		err = errors.New("--for is negative")
	}
	if err != nil {
		return 0, usageError("demo [--for 20s]: %w", err)
	}
	return *length, nil
}
