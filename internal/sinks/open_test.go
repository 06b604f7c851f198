package sinks

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
	"github.com/millrace/millrace/internal/testkit"
)

// A refusal is a table and a sink that do not fit, and the words that must say so. The sink takes k text and n bigint unless columns says otherwise.
type refusal struct {
	name    string
	ddl     string // with @ for the table's name
	mode    plan.SinkMode
	columns []row.Column
	says    []string
}

var refusals = []refusal{
	{"AMissingTable", "", plan.Append, nil, []string{"sink postgres:@: table @: it does not exist in any schema of search_path; create it, or write `create: true`, or name its schema: SCHEMA.@"}},
	{"AView", "CREATE VIEW @ AS SELECT ''::text AS k, 1::bigint AS n", plan.Append, nil, []string{"table public.@: it is a view; name an ordinary or a partitioned table"}},
	{"AMissingColumn", "CREATE TABLE @ (k text, m bigint)", plan.Append, nil, []string{"column n: the table has no such column; it has k, m; add it to the table, or leave it out of the sink's `columns`"}},
	{"AGeneratedColumn", "CREATE TABLE @ (k text, n bigint GENERATED ALWAYS AS (length(k)) STORED)", plan.Append, nil, []string{"column n: it is a generated column"}},
	{"AnIdentityColumn", "CREATE TABLE @ (k text, n bigint GENERATED ALWAYS AS IDENTITY)", plan.Append, nil, []string{"column n: it is GENERATED ALWAYS AS IDENTITY"}},
	{"AColumnThatTheRowLacks", "CREATE TABLE @ (k text, n bigint, city text NOT NULL, a int, b int NOT NULL DEFAULT 1, c int GENERATED ALWAYS AS IDENTITY)", plan.Append, nil,
		[]string{"column city: it is NOT NULL without a default (text) and the rows have no such column"}},
	{"AllProblemsAtOnce", "CREATE TABLE @ (k bigint, n text)", plan.Append, nil,
		[]string{"2 problems\n", "- column k: it is text here and bigint in the table; add a cast: k::bigint\n", "- column n: it is bigint here and text in the table; add a cast: n::text"}},
	{"NoUniqueIndex", "CREATE TABLE @ (k text, n bigint, PRIMARY KEY (k, n))", plan.Upsert, nil,
		[]string{"no unique index has exactly the key (k); @_pkey has (k, n); CREATE UNIQUE INDEX ON public.@ (k)"}},
	{"APartialIndex", "CREATE TABLE @ (k text, n bigint); CREATE UNIQUE INDEX @_i ON @ (k) WHERE n > 0", plan.Upsert, nil, []string{"@_i is partial"}},
	{"AnIndexOfAnExpression", "CREATE TABLE @ (k text, n bigint); CREATE UNIQUE INDEX @_i ON @ (lower(k))", plan.Upsert, nil, []string{"no unique index has exactly the key (k)"}},
	{"ADeferrableConstraint", "CREATE TABLE @ (k text, n bigint, CONSTRAINT @_c UNIQUE (k) DEFERRABLE)", plan.Add, nil, []string{"@_c is deferrable"}},
	{"AKeyWhoseCollationIsNotDeterministic", "CREATE COLLATION IF NOT EXISTS nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false); CREATE TABLE @ (k text COLLATE nocase PRIMARY KEY, n bigint)", plan.Upsert, nil,
		[]string{"has a collation that takes different texts as equal"}},
	{"AKeyOfIntervals", "CREATE TABLE @ (k interval PRIMARY KEY, n bigint)", plan.Upsert, []row.Column{col("k", row.Interval), col("n", row.Int8)}, []string{"column k: an interval cannot be part of a key"}},
	{"AKeyOfArrays", "CREATE TABLE @ (k text[] PRIMARY KEY, n bigint)", plan.Upsert, []row.Column{col("k", row.ArrayOf(row.Text)), col("n", row.Int8)}, []string{"column k: an array cannot be part of a key"}},
	{"AKeyOfJSON", "CREATE TABLE @ (k jsonb PRIMARY KEY, n bigint)", plan.Upsert, nil, []string{"column k: jsonb cannot be part of a key"}},
	{"TextToAddUp", "CREATE TABLE @ (k text PRIMARY KEY, n text)", plan.Add, []row.Column{col("k", row.Text), col("n", row.Text)}, []string{"column n: text cannot be added up"}},
	{"AnIntervalWithFields", "CREATE TABLE @ (k text, n interval year to month)", plan.Append, []row.Column{col("k", row.Text), col("n", row.Interval)}, []string{"column n: interval year to month would drop parts of an interval"}},
}

func TestATableThatDoesNotFitIsRefusedWithTheCure(t *testing.T) {
	conn := connect(t)
	for i, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			table := fmt.Sprintf("t%d", i)
			if r.ddl != "" {
				execute(t, conn, named(r.ddl, table))
			}
			columns := r.columns
			if columns == nil {
				columns = []row.Column{col("k", row.Text), col("n", row.Int8)}
			}
			_, err := OpenTable(context.Background(), conn, sinkOf(r.mode, table, []string{"k"}, columns...))
			var refused *TableError
			require.ErrorAs(t, err, &refused)
			for _, says := range r.says {
				require.ErrorContains(t, err, named(says, table))
			}
		})
	}
}

// TestPairsOfTypesThatDoNotFitAreRefused has, for every column that a type does not fit, the cure.
func TestPairsOfTypesThatDoNotFitAreRefused(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN age AS int; CREATE TYPE pair AS (a int, b int)")
	for i, c := range []struct {
		from   row.Type
		column string
		says   string
	}{
		{row.Text, "bigint", "it is text here and bigint in the table; add a cast: v::bigint"},
		{row.Text, "age", "it is text here and age in the table; add a cast: v::integer"},
		{row.Text, "timestamptz", "add a cast: v::timestamptz"},
		{row.Text, "inet", "make the column text"},
		{row.Text, "pair", "make the column text"},
		{row.Text, "text[]", "make the column text"},
		{row.Int8, "text", "add a cast: v::text"},
		{row.Int8, "real", "make the column bigint"},
		{row.Int4, "boolean", "add a cast: v::boolean"},
		{row.Numeric, "bigint", "add a cast: v::bigint"},
		{row.Float8, "numeric", "add a cast: v::numeric"},
		{row.Float8, "real", "make the column double precision"},
		{row.Numeric, "money", "make the column numeric"},
		{row.Timestamp, "timestamptz", "add a cast: v::timestamptz"},
		{row.TimestampTZ, "timestamp", "add a cast: v::timestamp"},
		{row.Date, "timestamptz", "add a cast: v::timestamptz"},
		{row.TimestampTZ, "date", "add a cast: v::date"},
		{row.Interval, "time", "make the column interval"},
		{row.Int8, "mood", "add a cast: v::text"},
		{row.Int8, "uuid", "add a cast: v::text"},
		{row.Bytea, "text", "add a cast: v::text"},
		{row.ArrayOf(row.Text), "text", "make the column text[], or flatMap the array"},
		{row.ArrayOf(row.Text), "bigint[]", "add a cast: v::bigint[]"},
	} {
		t.Run(fmt.Sprintf("%s to %s", c.from, c.column), func(t *testing.T) {
			table := fmt.Sprintf("p%d", i)
			execute(t, conn, fmt.Sprintf("CREATE TABLE %s (v %s)", table, c.column))
			_, err := OpenTable(context.Background(), conn, sinkOf(plan.Append, table, nil, col("v", c.from)))
			require.ErrorContains(t, err, "column v: it is "+c.from.String()+" here and ")
			require.ErrorContains(t, err, c.says)
		})
	}
}

func named(s, table string) string {
	out := ""
	for _, r := range s {
		if r == '@' {
			out += table
		} else {
			out += string(r)
		}
	}
	return out
}

func TestMissingPrivilegesAreNamed(t *testing.T) {
	conn := connect(t)
	role := "reader_" + conn.Config().Database
	execute(t, conn, "CREATE SCHEMA closed; CREATE TABLE closed.counts (k text PRIMARY KEY, n bigint); CREATE TABLE counts (k text PRIMARY KEY, n bigint)")
	execute(t, conn, fmt.Sprintf("CREATE ROLE %s; GRANT INSERT (k) ON counts TO %[1]s; SET ROLE %[1]s", role))
	t.Cleanup(func() { execute(t, conn, fmt.Sprintf("RESET ROLE; DROP OWNED BY %s; DROP ROLE %[1]s", role)) })
	s := sinkOf(plan.Upsert, "counts", []string{"k"}, col("k", row.Text), col("n", row.Int8))
	_, err := OpenTable(context.Background(), conn, s)
	require.ErrorContains(t, err, fmt.Sprintf("column k: role %s lacks SELECT; GRANT SELECT ON public.counts TO %[1]s", role))
	require.ErrorContains(t, err, fmt.Sprintf("column n: role %s lacks INSERT, UPDATE; GRANT INSERT, UPDATE ON public.counts TO %[1]s", role))
	s.Postgres.Schema = "closed"
	_, err = OpenTable(context.Background(), conn, s)
	require.ErrorContains(t, err, "permission denied for schema closed")
	s.Postgres.Schema, s.Postgres.Table, s.Postgres.Create = "public", "fresh", true
	_, err = OpenTable(context.Background(), conn, s)
	var refused *TableError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, `let a role with CREATE on the schema make it: CREATE TABLE "public"."fresh" ("k" text NOT NULL, "n" bigint, PRIMARY KEY ("k"))`)
}

func TestCreateMakesTheTableOnceAndChangesNoneThatIsThere(t *testing.T) {
	url := testkit.Postgres(t)
	conn := connectTo(t, url)
	execute(t, conn, `CREATE SCHEMA "My schema"`)
	s := sinkOf(plan.Upsert, `odd "name"`, []string{"b", "a"}, col("a", row.Int8), col("v", row.Numeric), col("b", row.TimestampTZ), col("w", row.ArrayOf(row.Text)))
	s.Postgres.Schema, s.Postgres.Create = "My schema", true
	var opens sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs { // instances that start together
		conn := connectTo(t, url)
		opens.Go(func() { _, errs[i] = OpenTable(context.Background(), conn, s) })
	}
	opens.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	const shape = `SELECT attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
		FROM pg_attribute WHERE attrelid = '"My schema"."odd ""name"""'::regclass AND attnum > 0 ORDER BY attnum`
	require.Equal(t, []string{"a bigint NOT NULL", "v numeric", "b timestamp with time zone NOT NULL", "w text[]"}, column1[string](t, conn, shape))
	require.Equal(t, []string{`PRIMARY KEY (b, a)`}, column1[string](t, conn, `SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '"My schema"."odd ""name"""'::regclass AND contype = 'p'`))

	table := open(t, conn, s)
	buf := table.NewBuffer()
	add(t, buf, row.OfInt(1), row.OfRef(decimal("1.5")), row.OfInt(0), row.OfRef([]row.Value{row.OfText(`a"b\`), row.NullValue, row.OfText("")}))
	write(t, conn, table.Writer([]*Buffer{buf}))
	require.Equal(t, []string{`{"a\"b\\",NULL,""}`}, column1[string](t, conn, `SELECT w::text FROM "My schema"."odd ""name"""`))
}

func TestTheTableIsFoundAlongTheSearchPath(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE SCHEMA other; CREATE TABLE other.counts (k text, n bigint); SET search_path = nowhere, other")
	table := open(t, conn, sinkOf(plan.Append, "counts", nil, col("k", row.Text), col("n", row.Int8)))
	require.Equal(t, `"other"."counts"`, table.Name())
	execute(t, conn, "RESET search_path")
	buf := table.NewBuffer()
	add(t, buf, row.OfText("a"), row.OfInt(1))
	write(t, conn, table.Writer([]*Buffer{buf}))
	require.Equal(t, []string{"a"}, column1[string](t, conn, "SELECT k FROM other.counts"))
}

func TestColumnsThatAreLeftOutAreNotWritten(t *testing.T) {
	conn := connect(t)
	execute(t, conn, "CREATE TABLE counts (n bigint, k text)")
	s := sinkOf(plan.Append, "counts", nil, col("k", row.Text), col("extra", row.Text), col("n", row.Int8))
	s.Postgres.Columns = []int{0, 2}
	table := open(t, conn, s)
	buf := table.NewBuffer()
	add(t, buf, row.OfText("a"), row.OfText("left out"), row.OfInt(1))
	write(t, conn, table.Writer([]*Buffer{buf}))
	require.Equal(t, []string{"a1"}, column1[string](t, conn, "SELECT k || n FROM counts"))
}
