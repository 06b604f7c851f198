package embedpg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	startTimeout = time.Minute
	look         = 20 * time.Millisecond
	starts       = 3 // a free port may be taken by another process before the server takes it
	superuser    = "postgres"
)

// Options say where a server lives and how it is set.
type Options struct {
	Dir      string       // data, password, log and locks of this one server; made if it is not there
	Binaries string       // where the unpacked Postgres is kept, for all servers; made if it is not there
	Maven    string       // where it is downloaded from; empty: Maven Central
	Port     int          // 0: a free one
	Settings []string     // postgresql.conf, as "fsync=off"; a later one overrides an earlier one
	Scratch  bool         // nothing that is in Dir will be missed: see Stop and EP6
	Report   func(string) // is told about steps that take a while; may be nil
}

func (o Options) report(what string) {
	if o.Report != nil {
		o.Report(what)
	}
}

// Server is a running Postgres. It belongs to one owner, who ends it with Stop.
type Server struct {
	home     home
	owned    *os.File // locked
	port     int
	password string
	process  *guarded
}

// Start installs Postgres if needed, makes the data directory if needed, and starts the server. What an earlier start left in Dir is
// still there.
func Start(ctx context.Context, o Options) (*Server, error) {
	h, err := openHome(o)
	if err != nil {
		return nil, err
	}
	owned, err := lock(filepath.Join(h.dir, "lock"))
	if err != nil {
		return nil, err
	}
	s := &Server{home: h, owned: owned}
	if err := s.start(ctx, o); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, o Options) (err error) {
	if err := Install(ctx, o); err != nil {
		return err
	}
	if err := s.home.takeOver(ctx); err != nil {
		return err
	}
	if s.password, err = s.home.init(ctx, o.report); err != nil {
		return err
	}
	for range starts {
		if err = s.launch(ctx, o); err == nil || ctx.Err() != nil {
			break
		}
	}
	return err
}

// launch starts the process and waits until it takes connections.
func (s *Server) launch(ctx context.Context, o Options) (err error) {
	if s.port = o.Port; s.port == 0 {
		if s.port, err = freePort(ctx); err != nil {
			return err
		}
	}
	args := []string{"-D", s.home.data(), "-p", strconv.Itoa(s.port)}
	for _, setting := range append([]string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "timezone=UTC", "log_timezone=UTC"}, o.Settings...) {
		args = append(args, "-c", setting)
	}
	if s.process, err = s.home.run(ctx, "postgres", args...); err != nil {
		return err
	}
	if err := s.awaitReady(ctx); err != nil {
		return errors.Join(err, s.process.stop())
	}
	return nil
}

func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for !s.home.ready() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for Postgres: %w; its log: %s", context.Cause(ctx), s.LogFile())
		case <-s.process.ended:
			return fmt.Errorf("start Postgres: it ended at once: %s", s.home.lastWords())
		case <-tick.C:
		}
	}
	return nil
}

// Port is where the server listens on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// URL is what a client connects to, with the password in it.
func (s *Server) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(superuser, s.password), Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// LogFile is where the server writes its log.
func (s *Server) LogFile() string { return s.home.log() }

// Stop ends the server: clients are cut off, what is committed stays. If that takes too long it is ended as by a crash, and a scratch server
// always is: the next start then recovers from the WAL. It returns when the process has gone; a second Stop does nothing.
func (s *Server) Stop() error { return errors.Join(s.process.stop(), s.release()) }

// release gives the directory to whoever comes next.
func (s *Server) release() error {
	for _, f := range []*os.File{s.home.running, s.owned} {
		if err := f.Close(); err != nil && !errors.Is(err, os.ErrClosed) && !errors.Is(err, os.ErrInvalid) { // invalid: it was never taken
			return fmt.Errorf("unlock Postgres's directory: %w", err)
		}
	}
	return nil
}

func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	_, port, _ := strings.Cut(l.Addr().String(), ":")
	if err := l.Close(); err != nil {
		return 0, fmt.Errorf("give port %s back: %w", port, err)
	}
	return strconv.Atoi(port)
}
