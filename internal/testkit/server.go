package testkit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	user     = "postgres"
	password = "millrace" //nolint:gosec // of a server that lives as long as a test, on loopback
)

// Server is a Postgres that this process runs.
type Server struct {
	bin, dir string
	port     int
	more     []string // settings besides the common ones
	watch    *exec.Cmd
	logFrom  int64          // where the log of the present run begins
	lifeline io.WriteCloser // the watchdog's standard input: when it ends, however, the server is stopped
}

// settings make the server fast where only a crash of the machine would show the difference.
var settings = []string{
	"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "full_page_writes=off",
	"-c", "max_connections=200", "-c", "shared_buffers=64MB", "-c", "max_wal_size=2GB", "-c", "wal_level=minimal", "-c", "max_wal_senders=0",
	"-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "autovacuum_naptime=10s", "-c", "log_min_messages=warning",
}

// watchdog runs the server and stops it at once when standard input ends, which it does when this process dies of whatever; the data go
// too then, unless a word came first. It asks more than once: a shell starts its background processes with SIGQUIT ignored, until the server
// has set its own mind on it.
const watchdog = `dir=$1; shift
"$@" >>"$dir/log" 2>&1 & server=$!
word=$(cat)
while kill -QUIT $server; do sleep 0.1; done 2>/dev/null & killer=$!
wait $server
kill $killer 2>/dev/null
[ -n "$word" ] || rm -rf "$dir"`

// startServer makes a data directory and runs a server on it.
func startServer(more ...string) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(os.TempDir(), "millrace-postgres-data-")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: filepath.Join(bin, "bin"), dir: dir, more: more}
	if err = s.init(); err == nil {
		err = s.start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func (s *Server) init() error {
	pw := filepath.Join(s.dir, "password")
	if err := os.WriteFile(pw, []byte(password), 0o644); err != nil { //nolint:gosec // another user reads it
		return err
	}
	if err := give(s.dir); err != nil {
		return err
	}
	cmd := asServer(exec.Command(filepath.Join(s.bin, "initdb"), //nolint:gosec // our binary
		"-D", s.data(), "-U", user, "--pwfile", pw, "-A", "scram-sha-256",
		"--no-sync", "--no-instructions", "-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"))
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// portAttempts: between choosing a free port and listening on it another process may take it.
const portAttempts = 5

func (s *Server) start() (err error) {
	for range portAttempts {
		if s.port == 0 {
			if s.port, err = freePort(); err != nil {
				return err
			}
		}
		if err = s.run(); err == nil {
			return nil
		}
		s.port = 0
	}
	return err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }() // it only lent its port
	return l.Addr().(*net.TCPAddr).Port, nil
}

func (s *Server) run() error {
	server := []string{filepath.Join(s.bin, "postgres"), "-D", s.data(), "-p", fmt.Sprint(s.port)}
	args := slices.Concat([]string{"-c", watchdog, "watchdog", s.dir}, server, settings, s.more)
	s.logFrom = 0
	s.logFrom = int64(len(s.log()))
	s.watch = asServer(exec.Command("/bin/sh", args...)) //nolint:gosec // our script
	s.watch.Dir = s.dir
	var err error
	if s.lifeline, err = s.watch.StdinPipe(); err != nil {
		return err
	}
	if err := s.watch.Start(); err != nil {
		return err
	}
	if err := s.wait(); err != nil {
		return errors.Join(err, s.Stop())
	}
	return nil
}

const (
	startPatience = 30 * time.Second
	startPause    = 20 * time.Millisecond
)

// wait returns when the server takes connections.
func (s *Server) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		log := s.log()
		if ctx.Err() != nil || bytes.Contains(log, []byte("FATAL")) && errors.Is(err, syscall.ECONNREFUSED) {
			return fmt.Errorf("start Postgres: %w: %s", err, log)
		}
		time.Sleep(startPause)
	}
}

// log returns what the present run has logged.
func (s *Server) log() []byte {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return nil // nothing yet
	}
	return b[min(s.logFrom, int64(len(b))):]
}

// URL returns the connection string of a database of the server.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", user, password, s.port, database)
}

// Stop ends the server at once, as a crash would; its data stay.
func (s *Server) Stop() error {
	_, werr := io.WriteString(s.lifeline, "keep the data\n")
	err := errors.Join(werr, s.lifeline.Close())
	_ = s.watch.Wait() // its status is that of a server that was told to quit
	return err
}

// Start runs a stopped server again, on the same port: it recovers from its log.
func (s *Server) Start() error { return s.run() }

// remove stops the server and deletes its data.
func (s *Server) remove() error { return errors.Join(s.Stop(), os.RemoveAll(s.dir)) }
