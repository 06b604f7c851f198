package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/offsets"
)

// migrate is `processor migrate`. `run` migrates too; this is for databases where only another role may make tables.
func migrate(in invocation) error {
	c, err := config.Load(withoutKafka(in.getenv))
	if err := errors.Join(noArguments(in), config.CheckNames(in.environ), err); err != nil {
		return refused{err}
	}
	log := newLogger(in.stderr, c.LogFormat, c.LogLevel, in.terminal)
	return untilSignalled(in.signals, log, func(ctx context.Context, drain <-chan struct{}) error {
		ctx, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		go func() { // there is nothing to drain: a transaction is rolled back
			select {
			case <-drain:
				stop(errStopped)
			case <-ctx.Done():
			}
		}()
		if err := migrateLedger(ctx, c); err != nil {
			return err
		}
		log.Info("ledger is up to date", slog.String("schema", c.LedgerSchema))
		return nil
	})
}

func migrateLedger(ctx context.Context, c config.Config) error {
	l, err := offsets.Open(ctx, offsets.Config{ConnString: c.PostgresURL.Reveal(), Schema: c.LedgerSchema, Instance: c.Instance})
	if err != nil {
		return inWords(err)
	}
	defer l.Close()
	if err := l.Migrate(ctx); err != nil {
		return inWords(fmt.Errorf("migrate schema %s: %w", c.LedgerSchema, err))
	}
	return nil
}

// inWords says what an operator can do about it. Nothing was changed: migrations are one transaction.
func inWords(err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: nothing was changed", errStopped)
	}
	return refused{errors.New(offsets.Explain(err))}
}

// withoutKafka gives the variable that every other command needs, so that a migration job can do with a Postgres URL alone.
func withoutKafka(getenv func(string) string) func(string) string {
	return func(name string) string {
		value := getenv(name)
		if name == "MILLRACE_KAFKA_BROKERS" && value == "" && getenv(name+"_FILE") == "" {
			return "not-used:9092"
		}
		return value
	}
}
