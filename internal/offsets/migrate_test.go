package offsets

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/testkit"
)

func TestMigrationsAreNumberedWithoutGaps(t *testing.T) {
	list, err := versions()
	require.NoError(t, err)
	require.NotEmpty(t, list)
	for i, m := range list {
		require.True(t, strings.HasPrefix(m.name, fmt.Sprintf("%04d_", i+1)), m.name)
	}
}

func TestMigratingAgainChangesNothing(t *testing.T) {
	l, _ := newLedger(t)
	tables := `SELECT string_agg(relname || ':' || xmin::text, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'millrace'::regnamespace`
	before := get[string](t, l, tables)
	require.NoError(t, l.Migrate(t.Context()))
	require.Equal(t, before, get[string](t, l, tables))
}

func TestMigrationsAtOnceWaitForEachOther(t *testing.T) {
	url := testkit.Postgres(t)
	var (
		all  sync.WaitGroup
		errs [6]error
	)
	for i := range errs {
		l := openURL(t, url)
		all.Go(func() { errs[i] = l.Migrate(t.Context()) })
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

func TestASchemaOfANewerProgramIsRefused(t *testing.T) {
	l, _ := newLedger(t)
	exec(t, l, `INSERT INTO @.migrations (version, name) VALUES (99, 'from the future')`)
	err := l.Migrate(t.Context())
	require.ErrorIs(t, err, ErrSchemaNewer)
	require.Equal(t, Misconfigured, Classify(err))
}

func TestTheSchemasNameMayBeAnyAndSearchPathDoesNotMatter(t *testing.T) {
	url := testkit.Postgres(t)
	l, err := Open(t.Context(), Config{ConnString: url + "&search_path=nowhere&default_transaction_isolation=serializable", Schema: `My "Ledger" $1`})
	require.NoError(t, err)
	t.Cleanup(l.Close)
	require.NoError(t, l.Migrate(t.Context()))
	require.NoError(t, l.Migrate(t.Context()))
	exec(t, l, `CREATE TABLE public.out (commit_id uuid, n int)`)
	w := claim(t, l, "a")
	require.NoError(t, w.commit(0, w.batch()))
	require.NoError(t, l.PublishSnapshot(t.Context(), pipeline, 0, 1, w.heads[0].ID, bytesOf("state")))
}

func TestEveryTableAndColumnIsExplained(t *testing.T) {
	l, _ := newLedger(t)
	require.Empty(t, get[string](t, l, `SELECT coalesce(string_agg(c.relname || '.' || coalesce(a.attname, '*'), ' '), '')
		FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relnamespace = 'millrace'::regnamespace AND c.relkind = 'r'
		AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)`))
}

// withRole makes a role that may connect and nothing else.
func withRole(t *testing.T, l *Ledger, url string) (name, roleURL string) {
	t.Helper()
	name = "runtime_" + fresh().String()
	exec(t, l, fmt.Sprintf(`CREATE ROLE %s LOGIN PASSWORD 'rt'`, name))
	t.Cleanup(func() { exec(t, l, fmt.Sprintf(`DROP OWNED BY %s; DROP ROLE %[1]s`, name)) })
	return name, testkit.WithUser(t, url, name, "rt")
}

func TestARoleWithoutTheRightToCreateCanRunAPipeline(t *testing.T) {
	l, url := newLedger(t)
	role, roleURL := withRole(t, l, url)
	exec(t, l, fmt.Sprintf(`GRANT USAGE ON SCHEMA @ TO %s; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA @ TO %[1]s; GRANT INSERT ON public.out TO %[1]s`, role))
	rt := openURL(t, roleURL)
	require.NoError(t, rt.Migrate(t.Context()))
	w := claim(t, rt, "a")
	require.NoError(t, w.commit(0, w.batch()))
	require.NoError(t, rt.PublishSnapshot(t.Context(), pipeline, 0, 1, w.heads[0].ID, bytesOf("state")))
}

func TestAMissingPrivilegeIsNamedAtStartWithItsCure(t *testing.T) {
	l, url := newLedger(t)
	role, roleURL := withRole(t, l, url)
	rt := openURL(t, roleURL)
	err := rt.Migrate(t.Context())
	require.Equal(t, Misconfigured, Classify(err))
	require.Contains(t, Explain(err), "permission denied for schema millrace")

	exec(t, l, fmt.Sprintf(`GRANT USAGE ON SCHEMA @ TO %s; GRANT SELECT ON ALL TABLES IN SCHEMA @ TO %[1]s; GRANT ALL ON @.deltas TO %[1]s`, role))
	err = rt.Migrate(t.Context())
	require.ErrorIs(t, err, ErrPrivilege)
	require.Equal(t, Misconfigured, Classify(err))
	require.Contains(t, err.Error(), "batches: DELETE, INSERT, UPDATE")
	require.Contains(t, err.Error(), "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA")
	require.NotContains(t, err.Error(), "deltas")
}

func TestARoleThatMayNotCreateTheSchemaIsToldSo(t *testing.T) {
	l, url := newLedger(t)
	_, roleURL := withRole(t, l, url)
	rt, err := Open(t.Context(), Config{ConnString: roleURL, Schema: "elsewhere"})
	require.NoError(t, err)
	t.Cleanup(rt.Close)
	err = rt.Migrate(t.Context())
	require.ErrorIs(t, err, ErrNotMigrated)
	require.Equal(t, Misconfigured, Classify(err))
	require.Contains(t, Explain(err), "permission denied for database")
}
