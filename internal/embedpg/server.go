package embedpg

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = time.Minute
	stopTimeout  = 30 * time.Second
	look         = 20 * time.Millisecond
	starts       = 3 // a free port may be taken by another process before the server takes it
	superuser    = "postgres"
)

// Options say where a server lives and how it is set.
type Options struct {
	Dir      string            // data, password, log and lock of this one server; made if it is not there
	Binaries string            // where the unpacked Postgres is kept, for all servers; made if it is not there
	Settings map[string]string // postgresql.conf, as {"fsync": "off"}
	Report   func(string)      // is told about steps that take a while; may be nil
}

// Server is a running Postgres. It belongs to one owner, who ends it with Stop.
type Server struct {
	home     home
	port     int
	password string
	process  *os.Process
	ended    chan struct{} // closed when the process has gone
	unlock   func()
}

// Start installs Postgres if needed, makes the data directory if needed, and starts the server. What an earlier start left in Dir is
// still there.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Report == nil {
		o.Report = func(string) {}
	}
	h, err := openHome(o)
	if err != nil {
		return nil, err
	}
	unlock, err := lock(filepath.Join(h.dir, "lock"))
	if err != nil {
		return nil, err
	}
	s := &Server{home: h, unlock: unlock}
	if err := s.start(ctx, o); err != nil {
		unlock()
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, o Options) (err error) {
	if err := Install(ctx, o.Binaries, o.Report); err != nil {
		return err
	}
	if err := s.home.stopOrphan(ctx); err != nil {
		return err
	}
	if s.password, err = s.home.init(ctx, o.Report); err != nil {
		return err
	}
	for range starts {
		if err = s.launch(ctx, o.Settings); err == nil || ctx.Err() != nil {
			break
		}
	}
	return err
}

// launch starts the process and waits until it takes connections.
func (s *Server) launch(ctx context.Context, settings map[string]string) error {
	port, err := freePort(ctx)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of Postgres: %w", err)
	}
	defer func() { _ = log.Close() }() // the child has its own handle
	// Not ended by ctx: a kill would lose nothing, but only Stop ends it in good order.
	cmd := s.home.command(context.WithoutCancel(ctx), "postgres", arguments(s.home.data(), port, settings)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start Postgres: %w", err)
	}
	s.port, s.process, s.ended = port, cmd.Process, make(chan struct{})
	go s.reap(cmd)
	if err := s.awaitReady(ctx); err != nil {
		return errors.Join(err, s.end())
	}
	return nil
}

// reap waits for the process, so that it does not stay as a zombie. How it ended is in its log.
func (s *Server) reap(cmd *exec.Cmd) {
	defer close(s.ended)
	_ = cmd.Wait()
}

func arguments(data string, port int, settings map[string]string) []string {
	args := []string{"-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "timezone=UTC", "-c", "log_timezone=UTC"}
	for _, k := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", k+"="+settings[k])
	}
	return args
}

// awaitReady watches the file in which a server tells its state (pg_ctl does the same).
func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if p, ok := s.home.postmaster(); ok && p.ready && p.pid == s.process.Pid {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for Postgres: %w; its log: %s", context.Cause(ctx), s.LogFile())
		case <-s.ended:
			return fmt.Errorf("start Postgres: it ended at once: %s", s.home.lastWords())
		case <-tick.C:
		}
	}
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
func (s *Server) LogFile() string { return filepath.Join(s.home.dir, "log") }

// Stop ends the server: clients are cut off, what is committed stays. It returns when the process has gone.
func (s *Server) Stop() error {
	defer s.unlock()
	return s.end()
}

// end asks for a fast shutdown and, if that takes too long, for an immediate one: the next start then recovers from the WAL.
func (s *Server) end() error {
	for _, signal := range []os.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		if err := s.process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("stop Postgres (pid %d): %w", s.process.Pid, err)
		}
		wait := time.NewTimer(stopTimeout)
		select {
		case <-s.ended:
			wait.Stop()
			return nil
		case <-wait.C:
		}
	}
	return fmt.Errorf("stop Postgres (pid %d): it did not end within %s", s.process.Pid, 2*stopTimeout)
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
