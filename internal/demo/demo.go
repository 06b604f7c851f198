package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/examples/flights"
	"github.com/millrace/millrace/internal/app"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/embedpg"
	"github.com/millrace/millrace/internal/pipeline"
)

const (
	catchUp   = 10 * time.Second // for the pipeline to commit, at the end, what the feed has written
	lookAgain = 100 * time.Millisecond
)

// Options say how long the demo runs and where it shows itself.
type Options struct {
	For      time.Duration // 0: until Drain closes
	Cache    string        // MILLRACE_CACHE; empty: the user's cache folder
	Stdout   io.Writer
	Terminal bool // Stdout is one: pictures are drawn over each other
	Drain    <-chan struct{}
	Version  string
}

// Run starts the servers, the feed and the pipeline, shows the results until it is time to stop, and stops them in that order. Ctx
// cancelled stops them at once.
func Run(ctx context.Context, o Options) (err error) {
	cache, err := cacheDir(o.Cache)
	if err != nil {
		return err
	}
	dir := filepath.Join(cache, "demo")
	say := func(format string, args ...any) { fmt.Fprintf(o.Stdout, format+"\n", args...) }
	say("starting Kafka and Postgres in %s", dir)
	s, err := startServers(ctx, dir, embedpg.Binaries(cache), func(what string) { say("%s", what) })
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	log, err := openLog(dir)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // a log that nobody waits for
	c, err := configure(ctx, dir, s)
	if err != nil {
		return err
	}
	say("look inside:  psql '%s'\n              http://%s/\n              %s", s.postgres.URL("postgres"), c.HTTPAddr, log.Name())
	d := &demo{Options: o, config: c, log: slog.New(slog.NewTextHandler(log, nil)), say: say}
	return d.run(ctx, s)
}

// demo is the part that runs while the servers do.
type demo struct {
	Options
	config config.Config
	log    *slog.Logger
	say    func(string, ...any)
	feed   *feed
	screen *screen
}

func (d *demo) run(ctx context.Context, s *servers) error {
	lines, err := flights.Lines()
	if err != nil {
		return err
	}
	log, err := newFlightLog(lines)
	if err != nil {
		return err
	}
	if d.feed, err = newFeed(ctx, s.broker(), log); err != nil {
		return err
	}
	defer d.feed.close()
	conn, err := pgx.Connect(ctx, s.postgres.URL("postgres"))
	if err != nil {
		return fmt.Errorf("open the screen: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // it has only read
	d.screen = &screen{out: d.Stdout, redraw: d.Terminal, conn: conn}
	if d.feed.total() > 0 {
		d.say("going on after flight %d of an earlier run", d.feed.total())
	}
	return d.together(ctx)
}

// together runs the pipeline beside the feed and the screen. The pipeline is drained when these two have ended; if it ends before, they do.
func (d *demo) together(ctx context.Context) error {
	p, err := pipeline.Parse("by_origin.yaml", flights.ByOrigin, settings)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	drain := make(chan struct{})
	group.Go(func() error {
		return app.Run(ctx, app.Options{Config: d.config, Pipeline: p, Logger: d.log, Stdout: d.Stdout, Drain: drain, Version: d.Version})
	})
	group.Go(func() error {
		defer close(drain)
		if err := d.play(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		return d.settle(ctx)
	})
	return group.Wait()
}

// play feeds and draws until it is time to stop.
func (d *demo) play(ctx context.Context) error {
	feed, draw := time.NewTicker(beat), time.NewTicker(time.Second)
	defer feed.Stop()
	defer draw.Stop()
	var over <-chan time.Time
	if d.For > 0 {
		over = time.After(d.For)
	}
	for err := error(nil); err == nil; {
		select {
		case <-ctx.Done():
			return nil
		case <-d.Drain:
			return nil
		case <-over:
			return nil
		case <-feed.C:
			err = d.feed.write(ctx, perBeat)
		case at := <-draw.C:
			err = d.screen.draw(ctx, at)
		}
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// settle waits until the pipeline has counted every flight that the feed wrote, and says whether it did.
func (d *demo) settle(ctx context.Context) error {
	look, late := time.NewTicker(lookAgain), time.After(catchUp)
	defer look.Stop()
	for {
		counted, err := d.screen.counted(ctx)
		switch total := d.feed.total(); {
		case err != nil && ctx.Err() == nil:
			return err
		case counted > total:
			return fmt.Errorf("%d flights are in Kafka and %d were counted: some were counted twice", total, counted)
		case counted == total:
			if err := d.screen.last(ctx); err != nil {
				return err
			}
			d.say("%d flights are in Kafka, %d are counted in Postgres: none is lost, none is counted twice", total, counted)
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-late:
			d.say("%d of %d flights are counted; the next run counts the rest", counted, d.feed.total())
			return nil
		case <-look.C:
		}
	}
}

// settings stand for the environment of the pipeline file: half a second is easier to watch than one.
func settings(name string) string {
	if name == "MILLRACE_INTERVAL" {
		return "500ms"
	}
	return ""
}

// configure is what the environment says in production.
func configure(ctx context.Context, dir string, s *servers) (config.Config, error) {
	addr, err := freeAddress(ctx)
	if err != nil {
		return config.Config{}, err
	}
	return config.Config{
		Kafka:        config.Kafka{Brokers: []string{s.broker()}},
		PostgresURL:  config.Secret(s.postgres.URL("postgres")),
		LedgerSchema: "millrace",
		StateDir:     filepath.Join(dir, "state"),
		HTTPAddr:     addr,
		Trigger:      config.OnInterval,
		Instance:     "demo",
	}, nil
}

// freeAddress finds a port that is free now.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }() // whoever takes the port finds out if it is still taken
	return l.Addr().String(), nil
}

// openLog takes the pipeline's log out of the picture.
func openLog(dir string) (*os.File, error) {
	f, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return f, nil
}
