package expr

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/row"
)

var rewrite = flag.Bool("rewrite", false, "store the answers of the server at MILLRACE_TEST_POSTGRES_URL in testdata")

// relation is what the expressions of testdata/rows_*.txt read: every one is evaluated over every row.
var relation = []row.Column{
	{Name: "b", Type: row.Bool}, {Name: "i2", Type: row.Int2}, {Name: "i", Type: row.Int4}, {Name: "l", Type: row.Int8},
	{Name: "f", Type: row.Float8}, {Name: "n", Type: row.Numeric}, {Name: "s", Type: row.Text}, {Name: "s2", Type: row.Text},
	{Name: "y", Type: row.Bytea}, {Name: "d", Type: row.Date}, {Name: "t", Type: row.Timestamp}, {Name: "tz", Type: row.TimestampTZ},
	{Name: "v", Type: row.Interval}, {Name: "sa", Type: row.ArrayOf(row.Text)}, {Name: "ia", Type: row.ArrayOf(row.Int4)},
}

// tuples hold the relation's rows as text; null stands for NULL.
const null = "\x00"

var tuples = [][]string{
	{"t", "7", "42", "1700000000123", "1.5", "12.340", "Hello, World", "o", `\x01ff`, "2024-02-29", "2024-02-29 13:14:15.678901", "2023-11-14 22:13:20.123+00", "1 day 02:03:04.5", "{a,b,c}", "{3,1,2}"},
	{null, null, null, null, null, null, null, null, null, null, null, null, null, null, null},
	{"f", "0", "0", "0", "0", "0", "", "", `\x`, "1970-01-01", "1970-01-01 00:00:00", "1970-01-01 00:00:00+00", "00:00:00", "{}", "{}"},
	{"t", "-32768", "-2147483648", "-9223372036854775808", "-1e-300", "-0.00001", "  trim me  ", " ", `\x4d696c6c`, "0001-12-31 BC", "0044-03-15 12:00:00 BC", "1969-12-31 23:59:59.999999+00", "-1 mons +3 days -04:05:06", `{NULL,"x y",""}`, "{NULL,5}"},
	{"f", "32767", "2147483647", "9223372036854775807", "NaN", "NaN", "Grüße, Ωmega ÄÖÜ ßtraße", "ß", `\xe282ac`, "infinity", "infinity", "-infinity", "10 years", `{"{","\"",NULL}`, "{2147483647,-2147483648}"},
	{"t", "100", "100", "1000000", "Infinity", "99999999999999999999.5", "a,b;;c  d\te", ",", `\x00`, "9999-12-31", "9999-12-31 23:59:59", "2000-02-29 00:00:00+00", "P1Y2M10DT2H30M", "{1,2,NULL,4}", "{7}"},
}

// example is one expression with the answers that Postgres gave: one a row, or one.
type example struct {
	source  string
	line    int
	answers []string // "type|text", "type|NULL", "error: …"
}

func readExamples(t testing.TB, file string) (head []string, list []example) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	open := false
	for i, line := range strings.Split(strings.TrimRight(string(text), "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "# ") && len(list) == 0:
			head = append(head, line)
		case line == "":
			open = false
		case line == "----":
			open = true
		case open:
			list[len(list)-1].answers = append(list[len(list)-1].answers, line)
		default:
			list = append(list, example{source: line, line: i + 1})
		}
	}
	return head, list
}

func writeExamples(t *testing.T, file string, head []string, list []example) {
	var b strings.Builder
	for _, h := range head {
		b.WriteString(h + "\n")
	}
	for _, x := range list {
		fmt.Fprintf(&b, "\n%s\n----\n%s\n", x.source, strings.Join(x.answers, "\n"))
	}
	require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
}

// shown is an answer as the files have it.
func shown(typ, text string) string {
	if text == "" || text == "NULL" || text[0] == '"' || strings.TrimSpace(text) != text || strings.ContainsAny(text, "\n\r\t\v\f\x00") {
		text = strconv.Quote(text)
	}
	return typ + "|" + text
}

func ourAnswers(t *testing.T, x example, rows [][]row.Value) []string {
	e, errs := Compile(x.source, Scope{Columns: relation})
	out := make([]string, len(rows))
	for i, r := range rows {
		if errs != nil {
			out[i] = "error: " + errs[0].Msg
			continue
		}
		out[i] = ourAnswer(t, e, r)
	}
	return out
}

func ourAnswer(t *testing.T, x *Expr, r []row.Value) string {
	env := Env{Row: r}
	v := x.Value(&env)
	if env.Err != nil {
		require.True(t, x.Fallible, "%s failed with %v and is not Fallible", x.Source, env.Err)
		return "error: " + env.Err.Error()
	}
	requireClosuresAgree(t, x, v, r)
	if v.Null {
		return x.Type.String() + "|NULL"
	}
	return shown(x.Type.String(), Format(v, x.Type))
}

// requireClosuresAgree holds the typed closure and Each to Value.
func requireClosuresAgree(t *testing.T, x *Expr, v row.Value, r []row.Value) {
	env := Env{Row: r}
	var w row.Value
	switch {
	case x.Bool != nil:
		b, null := x.Bool(&env)
		w = row.OfBool(b)
		w.Null = null
	case x.Int != nil:
		w.N, w.Null = x.Int(&env)
	case x.Float != nil:
		f, null := x.Float(&env)
		w = row.OfFloat(f)
		w.Null = null
	case x.Text != nil:
		w.S, w.Null = x.Text(&env)
	default:
		w.Ref, w.Null = x.Ref(&env)
	}
	require.Equal(t, v.Null, w.Null, "%s: the typed closure tells NULL otherwise", x.Source)
	if v.Null {
		return
	}
	require.Equal(t, Format(v, x.Type), Format(w, x.Type), "%s: the typed closure gives another value", x.Source)
	if x.Each != nil {
		elems := []row.Value{}
		require.False(t, x.Each(&env, func(e row.Value) { elems = append(elems, e.Clone()) }))
		require.Equal(t, Format(v, x.Type), Format(row.OfRef(elems), x.Type), "%s: Each gives other elements", x.Source)
	}
}

func parsedRows(t *testing.T) [][]row.Value {
	rows := make([][]row.Value, len(tuples))
	for i, tuple := range tuples {
		for j, text := range tuple {
			v, err := row.NullValue, error(nil)
			if text != null {
				v, err = ParseText(text, relation[j].Type)
			}
			require.NoError(t, err)
			rows[i] = append(rows[i], v)
		}
	}
	return rows
}

func TestExpressionsGiveWhatPostgresGave(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	total := 0
	for _, file := range files {
		head, list := readExamples(t, file)
		rows := parsedRows(t)
		if !overRows(file) {
			rows = rows[:1]
		}
		if conn := server(t); conn != nil {
			compareWithServer(t, conn, file, head, list, len(rows))
		}
		for _, x := range list {
			total++
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(file), x.line), func(t *testing.T) {
				require.Equal(t, x.answers, ourAnswers(t, x, rows), "%s", x.source)
			})
		}
	}
	require.GreaterOrEqual(t, total, 400, "the tables are the proof of E1")
}

func overRows(file string) bool { return strings.HasPrefix(filepath.Base(file), "rows_") }

func compareWithServer(t *testing.T, conn *pgx.Conn, file string, head []string, list []example, rows int) {
	for i, x := range list {
		answers := make([]string, rows)
		for r := range rows {
			answers[r] = serverAnswer(t, conn, x.source, r)
		}
		if *rewrite {
			list[i].answers = answers
		} else {
			require.Equal(t, x.answers, answers, "%s:%d: the stored answers are not this server's: %s", file, x.line, x.source)
		}
	}
	if *rewrite {
		writeExamples(t, file, head, list)
	}
}

var shared *pgx.Conn

// server connects to the Postgres of MILLRACE_TEST_POSTGRES_URL, if it is set, and fills the relation there.
func server(t *testing.T) *pgx.Conn {
	url := os.Getenv("MILLRACE_TEST_POSTGRES_URL")
	if url == "" || shared != nil {
		return shared
	}
	cfg, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	cfg.RuntimeParams["timezone"] = "UTC"
	cfg.RuntimeParams["lc_messages"] = "C"
	ctx := context.Background()
	conn, err := pgx.ConnectConfig(ctx, cfg)
	require.NoError(t, err)
	defs := []string{"id int"}
	for _, c := range relation {
		defs = append(defs, c.Name+" "+c.Type.String())
	}
	_, err = conn.Exec(ctx, "CREATE TEMP TABLE r ("+strings.Join(defs, ", ")+")")
	require.NoError(t, err)
	for i, tuple := range tuples {
		vals := []string{strconv.Itoa(i)}
		for _, text := range tuple {
			if text == null {
				vals = append(vals, "NULL")
			} else {
				vals = append(vals, "'"+strings.ReplaceAll(text, "'", "''")+"'")
			}
		}
		_, err = conn.Exec(ctx, "INSERT INTO r VALUES ("+strings.Join(vals, ", ")+")")
		require.NoError(t, err)
	}
	shared = conn
	return conn
}

func serverAnswer(t *testing.T, conn *pgx.Conn, source string, r int) string {
	query := fmt.Sprintf("SELECT v, pg_typeof(v)::text FROM (SELECT (%s) AS v FROM r WHERE id = %d) q", source, r)
	results, err := conn.PgConn().Exec(context.Background(), query).ReadAll()
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return "error: " + pgErr.Message
	}
	require.NoError(t, err, source)
	cells := results[0].Rows[0]
	typ := strings.Replace(string(cells[1]), "character varying", "text", 1)
	if cells[0] == nil {
		return typ + "|NULL"
	}
	return shown(typ, string(cells[0]))
}
