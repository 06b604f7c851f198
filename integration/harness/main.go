//go:build integration

package harness

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/testcontainers/testcontainers-go"
)

var (
	mu struct { // guards the list of what Main ends
		sync.Mutex
		servers []*server
	}
	sharedKafka    = sync.OnceValues(func() (*KafkaServer, error) { return keep(startKafka(context.Background())) })
	sharedPostgres = sync.OnceValues(func() (*PostgresServer, error) { return keepP(startPostgres(context.Background())) })
)

func keep(k *KafkaServer, err error) (*KafkaServer, error) {
	if err == nil {
		endLater(k.server)
	}
	return k, err
}

func keepP(p *PostgresServer, err error) (*PostgresServer, error) {
	if err == nil {
		endLater(p.server)
	}
	return p, err
}

func endLater(s *server) {
	mu.Lock()
	defer mu.Unlock()
	mu.servers = append(mu.servers, s)
}

// Main runs the tests of a binary and ends what the harness started for all of them (H1).
func Main(m *testing.M) {
	code := m.Run()
	mu.Lock()
	for _, s := range mu.servers {
		if err := testcontainers.TerminateContainer(s.c); err != nil {
			fmt.Fprintf(os.Stderr, "end %s: %v\n", s.name, err)
		}
	}
	mu.Unlock()
	removeBinary()
	if err := writeSummary(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func imageOf(variable, official string) string {
	if image := os.Getenv(variable); image != "" {
		return image
	}
	return official
}

// Repo returns the path of a file of the repository.
func Repo(path ...string) string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(append([]string{filepath.Dir(here), "..", ".."}, path...)...)
}

// tail returns the last n lines of a text.
func tail(s string, n int) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
