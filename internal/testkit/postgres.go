package testkit

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// shared is the server of this test process, started when the first test needs it.
var shared struct {
	sync.Mutex
	server *Server
	err    error
}

// Main runs a package's tests, stops the server, and checks that nothing has left a goroutine.
func Main(m *testing.M) { goleak.VerifyTestMain(stopping{m}) }

type stopping struct{ tests *testing.M }

func (s stopping) Run() int {
	code := s.tests.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		if err := shared.server.remove(); err != nil {
			fmt.Fprintln(os.Stderr, "stop Postgres:", err)
		}
	}
	return code
}

// Postgres returns the URL of a fresh, empty database, which is dropped when the test ends.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := adminURL(t)
	name := "millrace_test_" + strings.ToLower(rand.Text())
	execute(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	return WithDatabase(t, admin, name)
}

// NewServer starts a server of the test's own, for tests that stop it or need settings ("-c", "name=value"). It is removed when the test ends.
func NewServer(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := startServer(slices.DeleteFunc(settings, func(s string) bool { return s == "-c" })...)
	if err != nil {
		t.Fatalf("start a Postgres: %v", err)
	}
	t.Cleanup(func() {
		if err := s.remove(); err != nil {
			t.Errorf("stop Postgres: %v", err)
		}
	})
	return s
}

func adminURL(t testing.TB) string {
	if u := os.Getenv("MILLRACE_TEST_POSTGRES_URL"); u != "" {
		return u
	}
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = startServer()
	}
	if shared.err != nil {
		t.Fatalf("start a Postgres for the tests: %v", shared.err)
	}
	return shared.server.URL("postgres")
}

func execute(t testing.TB, url, sql string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connect to the tests' Postgres: %v", err)
	}
	defer func() { _ = conn.Close(ctx) }() // the statement's result is known
	if _, err := conn.Exec(ctx, sql); err != nil {
		t.Errorf("%s: %v", sql, err)
	}
}

// WithDatabase returns url with another database in it.
func WithDatabase(t testing.TB, u, database string) string {
	t.Helper()
	return edit(t, u, func(p *url.URL) { p.Path = "/" + database })
}

// WithUser returns url with another role in it.
func WithUser(t testing.TB, u, name, password string) string {
	t.Helper()
	return edit(t, u, func(p *url.URL) { p.User = url.UserPassword(name, password) })
}

// Through returns url with the proxy in place of the server.
func Through(t testing.TB, u string, p *Proxy) string {
	t.Helper()
	return edit(t, u, func(x *url.URL) { x.Host = p.Addr() })
}

func edit(t testing.TB, u string, change func(*url.URL)) string {
	t.Helper()
	p, err := url.Parse(u)
	if err != nil {
		t.Fatalf("the tests' Postgres is not named by a URL: %v", err)
	}
	change(p)
	return p.String()
}
