package offsets

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

// The page for operators must not rot: its queries run, its tests exist, and no table or column is missing from it.
func TestThePageAboutTheLedgerIsTrue(t *testing.T) {
	page, err := os.ReadFile("../../docs/LEDGER.md")
	require.NoError(t, err)
	l, _ := newLedger(t)
	w := claim(t, l, "a")
	b := w.batch()
	b.Dead = []batch.DeadLetter{{Stage: "decode", Code: "decode"}}
	require.NoError(t, w.commit(batch.ExactlyOnce, b))

	queries := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllSubmatch(page, -1)
	require.GreaterOrEqual(t, len(queries), 5)
	for _, q := range queries {
		rows, err := l.pool.Query(t.Context(), string(q[1]))
		require.NoError(t, err, string(q[1]))
		_, err = pgx.CollectRows(rows, pgx.RowToMap)
		require.NoError(t, err, string(q[1]))
	}
	tests := ""
	for _, f := range []string{"commit_test.go", "doubt_test.go", "journal_test.go", "snapshots_test.go"} {
		src, err := os.ReadFile(f)
		require.NoError(t, err)
		tests += string(src)
	}
	for _, name := range regexp.MustCompile("`(Test\\w+)`").FindAllSubmatch(page, -1) {
		require.Contains(t, tests, "func "+string(name[1])+"(")
	}
	for _, name := range strings.Fields(get[string](t, l, `SELECT string_agg(DISTINCT attname, ' ') FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid
		WHERE relnamespace = 'millrace'::regnamespace AND relkind = 'r' AND attnum > 0 AND relname NOT IN ('migrations')`)) {
		require.Regexp(t, `\b`+name+`\b`, string(page))
	}
}
