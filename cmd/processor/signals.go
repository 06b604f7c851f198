package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/millrace/millrace/internal/app"
)

// errStopped: a second signal came while the first was still being obeyed. What was not committed will be done again at the next start.
var errStopped = errors.New("stopped at once by a second signal")

// lastMoment is how long a loop that was told to stop at once may take to do so.
const lastMoment = 2 * time.Second

// untilSignalled runs f: the first signal closes drain (finish what is in hand), a second one cancels the context (stop at once).
func untilSignalled(signals <-chan os.Signal, log *slog.Logger, f func(ctx context.Context, drain <-chan struct{}) error) error {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	drain, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- f(ctx, drain) }()
	var atLast <-chan time.Time
	for heard := 0; ; {
		select {
		case err := <-ended:
			if heard > 1 && err != nil && !errors.Is(err, app.ErrFenced) {
				return fmt.Errorf("%w: %s", errStopped, err.Error()) // not wrapped: what was cut short was not refused, whatever it says
			}
			return err
		case s := <-signals:
			heard++
			if heard == 1 {
				log.Info("stopping: finishing the batch in hand; a second signal stops at once", slog.String("signal", s.String()))
				close(drain)
			}
			if heard == 2 {
				stop(errStopped)
				atLast = time.NewTimer(lastMoment).C
			}
		case <-atLast:
			return errStopped
		}
	}
}
