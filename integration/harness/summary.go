//go:build integration

package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var summary struct {
	sync.Mutex
	lines []string
}

// Record writes how a test ended into the summary (H4). Every top-level test calls it first.
func Record(t *testing.T) {
	t.Helper()
	begun := time.Now()
	t.Cleanup(func() {
		outcome := "PASS"
		switch {
		case t.Failed():
			outcome = "FAIL"
		case t.Skipped():
			outcome = "SKIP"
		}
		Report("%s %s %.1fs", outcome, t.Name(), time.Since(begun).Seconds())
	})
}

// Report adds a line to the summary, as what a test counted.
func Report(format string, args ...any) {
	summary.Lock()
	defer summary.Unlock()
	summary.lines = append(summary.lines, fmt.Sprintf(format, args...))
}

func writeSummary() error {
	path := os.Getenv("MILLRACE_TEST_SUMMARY")
	if path == "" {
		path = Repo("build", "integration.summary")
	}
	summary.Lock()
	defer summary.Unlock()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	if err := os.WriteFile(path, []byte(strings.Join(summary.lines, "\n")+"\n"), 0o644); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return nil
}
