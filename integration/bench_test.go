//go:build integration

package integration_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/integration/harness"
	"github.com/stretchr/testify/require"
)

// TestTheBenchEntryCountsWords runs bench/run.sh as a harness does: with its variables, and a table that is there already.
func TestTheBenchEntryCountsWords(t *testing.T) {
	harness.Record(t)
	k, p := harness.Kafka(t), harness.Postgres(t)
	db, topic := p.Database(t), "bench-lines"
	p.Exec(t, db, "CREATE TABLE word_count (word text PRIMARY KEY, n bigint)")
	want := map[string]int{}
	var lines [][]byte
	for i := range 2000 {
		l := fmt.Sprintf("The word%d, (word%d) -- the_END;%d", i%17, i%5, i%3)
		for _, w := range []string{"the", fmt.Sprintf("word%d", i%17), fmt.Sprintf("word%d", i%5), "the", "end", fmt.Sprint(i % 3)} {
			want[w]++
		}
		lines = append(lines, []byte(l))
	}
	require.True(t, k.CreateTopic(t, topic))
	k.Produce(t, topic, lines...)

	cmd := exec.Command(harness.Repo("bench", "run.sh"), "wordcount")
	cmd.Env = append(os.Environ(), "KAFKA="+k.Addr(), "PG_DSN="+p.URL(db), "TOPIC="+topic, "TABLE=word_count", "GROUP=bench-1", "WORKLOAD=wordcount",
		"STATE_DIR="+filepath.Join(t.TempDir(), "state"), "MILLRACE_BIN="+harness.Binary(t), "MILLRACE_TRIGGER=available-now")
	cmd.Env = without(cmd.Env, "MILLRACE_TEST_")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	got := map[string]int{}
	for _, r := range p.Query(t, db, "SELECT word, n FROM word_count") {
		got[r[0]] = int(number(t, r[1]))
	}
	require.Equal(t, want, got)
}

func without(env []string, prefix string) []string {
	var rest []string
	for _, e := range env {
		if !strings.HasPrefix(e, prefix) {
			rest = append(rest, e)
		}
	}
	return rest
}
