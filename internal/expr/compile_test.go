package expr

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/internal/row"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var flights = []row.Column{
	{Name: "id", Type: row.Int8}, {Name: "date", Type: row.TimestampTZ}, {Name: "delay", Type: row.Int4}, {Name: "origin", Type: row.Text},
	{Name: "tags", Type: row.ArrayOf(row.Text)}, {Name: "fare", Type: row.Numeric}, {Name: "ok", Type: row.Bool},
}

// TestErrorsSayWhereAndHowToMendIt: E2. The text between the bars is what the error points at.
func TestErrorsSayWhereAndHowToMendIt(t *testing.T) {
	for _, c := range []struct{ source, at, msg, cure string }{
		{"dely > 15", "dely", `column "dely" does not exist`, "did you mean delay?"},
		{"delay > 15 and orign = 'X'", "orign", `column "orign" does not exist`, "did you mean origin?"},
		{"zzz", "zzz", `column "zzz" does not exist`, "the columns are id, date"},
		{"origin > delay", "origin > delay", "operator does not exist: text > integer", "add a cast: origin::integer"},
		{"lowr(origin)", "lowr", "function lowr(text) does not exist", "did you mean lower?"},
		{"lower(delay)", "lower(delay)", "function lower(integer) does not exist", "it takes lower(text); add a cast"},
		{"delay = 'x'", "'x'", `invalid input syntax for type integer: "x"`, "write a value of type integer"},
		{"'abc", "'abc", "unterminated quoted string", "close it with '"},
		{"delay > 15 origin", "origin", `syntax error at or near "origin"`, "join it"},
		{"delay >", "", "syntax error at end of input", "write a column"},
		{"", "", "empty expression", "write an expression"},
		{"random() < 0.5", "random", "random() is volatile", "derive it from the record"},
		{"clock_timestamp()", "clock_timestamp", "clock_timestamp() is volatile", "now()"},
		{"date > 'now'", "'now'", `"now" depends on the clock`, "write a value"},
		{"sum(delay)", "sum(delay)", "aggregate functions are not allowed here", "keyed step"},
		{"unnest(tags)", "unnest", "unnest(): not in this version", "flatMap"},
		{`origin ~ '(a)\1'`, `origin ~ '(a)\1'`, `the back-reference \1`, "mend the constant"},
		{"origin ~ 'a(?=b)'", "origin ~ 'a(?=b)'", "look-around, (?=", "mend"},
		{`origin ~ '\mfoo'`, `origin ~ '\mfoo'`, `the word boundary \m`, "mend"},
		{"delay::json", "json", "type json: not in this version", "the types are"},
		{"ok::double precision", "ok::double precision", "cannot cast type boolean to double precision", "text"},
		{"tags[1", "", "syntax error at end of input", "close the subscript"},
		{"origin[1]", "origin[1]", "cannot subscript type text", "split_part"},
		{"date at time zone 'CET'", "at", "AT TIME ZONE: not in this version", "UTC"},
		{"payload ->> 'user'", "payload", `column "payload" does not exist`, ""},
		{"origin ->> 'user'", "->>", "operator does not exist: text ->> unknown", "operators"},
		{"delay and true", "delay", "argument of AND must be type boolean, not type integer", "compare"},
		{"case when ok then 1 else 'x' end", "'x'", `invalid input syntax for type integer: "x"`, ""},
		{"case when ok then delay else origin end", "delay", "CASE types text and integer cannot be matched", "cast"},
		{"a < b < c", "<", `syntax error at or near "<"`, "parentheses"},
		{"delay\x00", "\x00", "invalid byte sequence", "UTF-8"},
		{"$1 > 2", "$", "syntax error", "no parameters"},
		{"user = 'x'", "user", `syntax error at or near "user"`, `"user"`},
		{"date_trunc('fortnight', date)", "date_trunc('fortnight', date)", `unit "fortnight" not recognized`, ""},
	} {
		_, errs := Compile(c.source, Scope{Columns: flights})
		require.NotEmpty(t, errs, c.source)
		e := errs[0]
		require.Contains(t, e.Msg, c.msg, c.source)
		require.Contains(t, e.Cure, c.cure, c.source)
		require.LessOrEqual(t, e.Pos, e.End)
		require.LessOrEqual(t, e.End, len(c.source))
		require.Equal(t, c.at, c.source[e.Pos:e.End], c.source)
	}
}

func TestSeveralErrorsAreReportedAtOnceAndEachOnce(t *testing.T) {
	_, errs := Compile("dely > 15 and orign = 'X' and lower(delay) = 'a'", Scope{Columns: flights})
	require.Len(t, errs, 3)
	require.Contains(t, errs[2].Error(), "at byte 30: function lower(integer) does not exist; it takes lower(text)")
}

func TestEveryErrorHasACure(t *testing.T) {
	for _, source := range []string{"x", "(", ")", "1 +", "f(", "case", "case when", "1 in ()", "1 in 2", "x like", "array[]", "cast(1", "1::", "extract(1)", "trim(", "interval 'x'", "1 between 2", "a.b.c", "coalesce()", "nullif(1)", "greatest()", "'a' || array[1]", "'x' - 'y'", "count(*)", "now(1)", "1 is 2", "/* x", "\"x", "$$x", "E'\\u00'"} {
		_, errs := Compile(source, Scope{Columns: flights})
		require.NotEmpty(t, errs, source)
		for _, e := range errs {
			require.NotEmpty(t, e.Cure, "%s: %s", source, e.Msg)
		}
	}
}

func TestSourcesBeyondTheLimitsAreRefused(t *testing.T) {
	_, errs := Compile(strings.Repeat(" ", 64<<10)+"1", Scope{})
	require.Contains(t, errs[0].Msg, "longer than 65536 bytes")
	_, errs = Compile(strings.Repeat("(", 65)+"1"+strings.Repeat(")", 65), Scope{})
	require.Contains(t, errs[0].Msg, "nests more than 64 deep")
	_, errs = Compile(strings.Repeat("- ", 65)+"1", Scope{})
	require.Contains(t, errs[0].Msg, "nests more than 64 deep")
	x, errs := Compile(strings.Repeat("delay + ", 7000)+"1", Scope{Columns: flights})
	require.Empty(t, errs, "a long chain is not deep")
	require.Equal(t, []int{2}, x.Slots)
}

func TestExprTellsWhatItReadsAndWhetherItCanFail(t *testing.T) {
	for _, c := range []struct {
		source   string
		typ      row.Type
		slots    []int
		fallible bool
		konst    bool
	}{
		{"delay > 15 and origin <> 'HNL'", row.Bool, []int{2, 3}, false, false},
		{"origin || origin", row.Text, []int{3}, false, false},
		{"lower(trim(origin))", row.Text, []int{3}, false, false},
		{"coalesce(origin, 'x') is null", row.Bool, []int{3}, false, false},
		{"split_part(origin, ',', delay)", row.Text, []int{2, 3}, true, false},
		{"delay + 1", row.Int4, []int{2}, true, false},
		{"delay / 2", row.Int4, []int{2}, false, false},
		{"delay / 0", row.Int4, []int{2}, true, false},
		{"1 / 0", row.Int4, nil, true, true},
		{"1 + 1", row.Int4, nil, false, true},
		{"now()", row.TimestampTZ, nil, false, false},
		{"_batch_time > date", row.Bool, []int{1}, false, false},
		{"null", row.Text, nil, false, true},
		{"'x'", row.Text, nil, false, true},
		{"tags[1]", row.Text, []int{4}, false, false},
		{"origin ~ '^A'", row.Bool, []int{3}, false, false},
		{"origin ~ origin", row.Bool, []int{3}, true, false},
		{"origin like 'A%'", row.Bool, []int{3}, false, false},
		{"origin::int", row.Int4, []int{3}, true, false},
		{"delay::bigint", row.Int8, []int{2}, false, false},
		{"case when ok then delay end", row.Int4, []int{2, 6}, false, false},
		{"delay in (1, 2, 3)", row.Bool, []int{2}, false, false},
	} {
		x, errs := Compile(c.source, Scope{Columns: flights})
		require.Empty(t, errs, c.source)
		require.Equal(t, c.typ, x.Type, c.source)
		require.ElementsMatch(t, c.slots, x.Slots, c.source)
		require.Equal(t, c.fallible, x.Fallible, "fallible: %s", c.source)
		require.Equal(t, c.konst, x.Const, "const: %s", c.source)
		require.Equal(t, c.source, x.Source)
	}
}

func TestAFailingConstantInABranchNotTakenIsNoError(t *testing.T) {
	x, errs := Compile("case when delay = 0 then 1/0 else delay end", Scope{Columns: flights})
	require.Empty(t, errs)
	e := Env{Row: make([]row.Value, len(flights))}
	e.Row[2] = row.OfInt(7)
	require.Equal(t, row.OfInt(7), x.Value(&e))
	require.NoError(t, e.Err)
	e.Row[2] = row.OfInt(0)
	require.True(t, x.Value(&e).Null)
	require.EqualError(t, e.Err, "division by zero")
}

func TestNowIsTheBatchTime(t *testing.T) {
	for _, source := range []string{"now()", "current_timestamp", "_batch_time", "now() + interval '0'"} {
		x, errs := Compile(source, Scope{})
		require.Empty(t, errs)
		v, null := x.Int(&Env{BatchTime: 12345})
		require.False(t, null)
		require.Equal(t, int64(12345), v, source)
	}
}

func TestOnlyTheFirstErrorOfAnEvaluationIsKept(t *testing.T) {
	x := compiled(t, "delay / (delay - delay) + (2147483647 + delay)")
	e := Env{Row: benchRow}
	x.Int(&e)
	require.EqualError(t, e.Err, "division by zero")
}

// TestTextsAreSubslicesWhereTheyCanBe: no copies for what is already there (R2).
func TestTextsAreSubslicesWhereTheyCanBe(t *testing.T) {
	for _, source := range []string{"lower(word)", "substr(line, 5, 5)", "trim(w)", "split_part(line, ' ', 3)", "left(line, 3)", "right(line, 3)", "btrim(line, 'T.')"} {
		e := Env{Row: benchRow}
		compiled(t, source).Text(&e)
		require.Equal(t, row.Arena{}, e.Scratch, "%s used the arena", source)
	}
}

func TestCasts(t *testing.T) {
	type levels [3]bool
	for _, c := range []struct {
		from, to row.Type
		want     levels
	}{
		{row.Int4, row.Int8, levels{true, true, true}}, {row.Int8, row.Int4, levels{false, true, true}}, {row.Int4, row.Text, levels{false, true, true}},
		{row.Text, row.Int4, levels{false, false, true}}, {row.Bool, row.Int4, levels{false, false, true}}, {row.Bool, row.Int8, levels{}},
		{row.Date, row.TimestampTZ, levels{true, true, true}}, {row.TimestampTZ, row.Date, levels{false, true, true}}, {row.Float8, row.Numeric, levels{false, true, true}},
		{row.Interval, row.Int4, levels{}}, {row.Text, row.Text, levels{true, true, true}}, {row.Unknown, row.Date, levels{true, true, true}},
		{row.ArrayOf(row.Int4), row.ArrayOf(row.Int8), levels{true, true, true}}, {row.ArrayOf(row.Int4), row.Int4, levels{}}, {row.Bytea, row.Int4, levels{}},
	} {
		i, a, e := CanCast(c.from, c.to)
		require.Equal(t, c.want, levels{i, a, e}, "%s to %s", c.from, c.to)
	}
}

// TestOneExprRunsOnAllCores: E4, under the race detector.
func TestOneExprRunsOnAllCores(t *testing.T) {
	_, list := readExamples(t, "testdata/rows_columns.txt")
	rows := parsedRows(t)
	var exprs []*Expr
	var want [][]string
	for _, x := range list {
		if e, errs := Compile(x.source, Scope{Columns: relation}); errs == nil {
			exprs, want = append(exprs, e), append(want, x.answers)
		}
	}
	var g errgroup.Group
	for range 4 {
		g.Go(func() error {
			for i, e := range exprs {
				for r := range rows {
					env := Env{Row: rows[r]}
					v := e.Value(&env)
					if failed := strings.HasPrefix(want[i][r], "error: "); failed != (env.Err != nil) {
						return fmt.Errorf("%s row %d: %w, want %s", e.Source, r, env.Err, want[i][r])
					}
					if text := Format(v, e.Type); env.Err == nil && !v.Null && shown(e.Type.String(), text) != want[i][r] {
						return fmt.Errorf("%s row %d: %s, want %s", e.Source, r, text, want[i][r])
					}
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
}
