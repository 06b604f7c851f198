package testkit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/embedpg"
)

// settings make the server fast where only a crash of the machine would show the difference.
var settings = []string{
	"fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB", "max_wal_size=2GB", "wal_level=minimal", "max_wal_senders=0",
	"autovacuum_naptime=10s", "log_min_messages=warning",
}

// Server is a Postgres that this process runs.
type Server struct {
	options embedpg.Options
	*embedpg.Server
}

// startServer makes a data directory and runs a server on it.
func startServer(more ...string) (*Server, error) {
	options, err := download()
	if err != nil {
		return nil, err
	}
	if options.Dir, err = os.MkdirTemp("", "millrace-postgres-"); err != nil {
		return nil, err
	}
	options.Scratch, options.Settings = true, slices.Concat(settings, more)
	s := &Server{options: options}
	if err := s.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("%w; to use a Postgres of your own set MILLRACE_TEST_POSTGRES_URL", err), os.RemoveAll(options.Dir))
	}
	s.options.Port = s.Port()
	return s, nil
}

// download says where the binaries are kept, for all tests and the demo, and where they come from.
func download() (embedpg.Options, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return embedpg.Options{}, err
	}
	return embedpg.Options{
		Binaries: embedpg.Binaries(embedpg.Cache(filepath.Join(cache, "millrace"))),
		Maven:    os.Getenv("MILLRACE_TEST_MAVEN"),
	}, nil
}

// Cache returns an empty cache folder for the demo, but for Postgres's binaries: those are kept from one test run to the next.
func Cache(t testing.TB) string {
	t.Helper()
	options, err := download()
	if err == nil {
		err = embedpg.Install(t.Context(), options)
	}
	dir := t.TempDir()
	err = errors.Join(err, os.Chmod(filepath.Dir(dir), 0o755), os.Symlink(options.Binaries, embedpg.Binaries(dir))) // Postgres's own user passes through
	if err != nil {
		t.Fatalf("install Postgres: %v", err)
	}
	return dir
}

// Start runs a stopped server again, on the same port: it recovers from its log. Its Stop is like a crash: at once, and its data stay.
func (s *Server) Start() error {
	started, err := embedpg.Start(context.Background(), s.options)
	if err == nil {
		s.Server = started
	}
	return err
}

// remove stops the server and deletes its data.
func (s *Server) remove() error { return errors.Join(s.Stop(), os.RemoveAll(s.options.Dir)) }
