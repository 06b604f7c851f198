package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/millrace/millrace/internal/app"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/pipeline"
	"github.com/millrace/millrace/internal/plan"
)

// runPipeline is `processor run`.
func runPipeline(in invocation) error {
	c, p, err := load(in)
	if err != nil {
		return err
	}
	log := newLogger(in.stderr, c.LogFormat, c.LogLevel, in.terminal)
	for _, w := range pipeline.Warnings(p) {
		log.Warn("pipeline file", slog.String("warning", w))
	}
	if c.Group != "" {
		log.Warn("MILLRACE_GROUP has no effect in this version: positions are in the ledger and are not mirrored to Kafka yet")
	}
	return untilSignalled(in.signals, log, func(ctx context.Context, drain <-chan struct{}) error {
		return app.Run(ctx, app.Options{Config: c, Pipeline: p, Logger: log, Stdout: in.stdout, Drain: drain, Version: buildVersion()})
	})
}

// load reads the environment and the pipeline file. Whatever is wrong with either is in the one error.
func load(in invocation) (config.Config, *plan.Pipeline, error) {
	c, err := config.Load(in.getenv)
	errs := []error{config.CheckNames(in.environ), err}
	file, err := pipelineFile(in)
	if err != nil {
		return c, nil, refused{errors.Join(append(errs, err)...)}
	}
	p, err := pipeline.Load(file, config.Getenv(in.getenv))
	if err := errors.Join(append(errs, err)...); err != nil {
		return c, nil, refused{err}
	}
	return c, p, nil
}

// pipelineFile is the command's one argument or, without one, what MILLRACE_PIPELINE says.
func pipelineFile(in invocation) (string, error) {
	if len(in.args) > 1 {
		return "", usageError("one pipeline file is wanted, not %q", in.args)
	}
	if len(in.args) == 1 {
		return in.args[0], nil
	}
	if file := config.Getenv(in.getenv)("MILLRACE_PIPELINE"); file != "" {
		return file, nil
	}
	return "", errors.New("no pipeline file: name it after the command, or in MILLRACE_PIPELINE")
}

func noArguments(in invocation) error {
	if len(in.args) > 0 {
		return usageError("no argument is wanted, not %q", in.args)
	}
	return nil
}
