package sinks

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

const newYear = 1767225600_500_000 // 2026-01-01 00:00:00.5

func console(limit int, w *strings.Builder, columns ...row.Column) *Console {
	return OpenConsole(&plan.Sink{Name: "console:counts", Stream: &plan.Stream{Name: "counts"}, Columns: columns, Console: &plan.Console{Limit: limit}}, w)
}

func TestTheConsolePrintsARowALine(t *testing.T) {
	var out strings.Builder
	c := console(0, &out, col("word", row.Text), col("n", row.Int8), col("at", row.TimestampTZ), col("x", row.Numeric), col("tags", row.ArrayOf(row.Text)))
	lines := c.NewLines()
	require.NoError(t, lines.Add([]row.Value{row.OfText("a"), row.OfInt(1), row.OfInt(newYear), row.OfRef(decimal("1.50")), row.OfRef([]row.Value{row.OfText("x y"), row.NullValue})}))
	require.NoError(t, lines.Add([]row.Value{row.NullValue, row.NullValue, row.NullValue, row.NullValue, row.NullValue}))
	require.NoError(t, c.Print(newYear, []*Lines{lines}))
	require.Equal(t, `counts | 2026-01-01 00:00:00.5Z | word=a n=1 at=2026-01-01 00:00:00.5+00 x=1.50 tags={"x y",NULL}
counts | 2026-01-01 00:00:00.5Z | word=NULL n=NULL at=NULL x=NULL tags=NULL
`, out.String())
}

func TestTheConsoleQuotesWhatWouldMislead(t *testing.T) {
	var out strings.Builder
	c := console(0, &out, col("v", row.Text))
	lines := c.NewLines()
	for _, s := range []string{"", "NULL", "two words", "line\nbreak", "\x1b[2Jcleared", `quo"te`, "bad\xff", "größe", "x=1"} {
		require.NoError(t, lines.Add([]row.Value{row.OfText(s)}))
	}
	require.NoError(t, c.Print(newYear, []*Lines{lines}))
	var shown []string
	for line := range strings.Lines(out.String()) {
		shown = append(shown, strings.TrimPrefix(strings.TrimSpace(line), "counts | 2026-01-01 00:00:00.5Z | v="))
	}
	require.Equal(t, []string{`""`, `"NULL"`, `"two words"`, `"line\nbreak"`, `"\x1b[2Jcleared"`, `"quo\"te"`, `"bad\xff"`, "größe", "x=1"}, shown)
}

func TestTheConsoleStopsAtItsLimitAndCountsTheRest(t *testing.T) {
	var out strings.Builder
	c := console(3, &out, col("n", row.Int8))
	first, second := c.NewLines(), c.NewLines()
	for i := range 2 {
		require.NoError(t, first.Add([]row.Value{row.OfInt(int64(i))}))
	}
	for i := range 10 {
		require.NoError(t, second.Add([]row.Value{row.OfInt(int64(10 + i))}))
	}
	require.Equal(t, 10, second.Len())
	require.EqualValues(t, len("n=10\n")*3, second.Bytes(), "what is past the limit is not held")
	require.NoError(t, c.Print(0, []*Lines{first, second}))
	require.Equal(t, "counts | 1970-01-01 00:00:00Z | n=0\ncounts | 1970-01-01 00:00:00Z | n=1\ncounts | 1970-01-01 00:00:00Z | n=10\ncounts | 1970-01-01 00:00:00Z | … 9 more\n", out.String())

	out.Reset()
	second.Reset()
	require.NoError(t, c.Print(0, []*Lines{second}))
	require.Empty(t, out.String(), "an empty batch prints nothing")
}

func TestTheConsoleTakesBackTheLastRows(t *testing.T) {
	var out strings.Builder
	c := console(3, &out, col("n", row.Int8))
	lines := c.NewLines()
	for _, step := range []struct {
		add, keep int
		want      string
	}{{5, 4, "012 1"}, {0, 2, "01"}, {2, 4, "012 1"}, {0, 9, "012 1"}, {0, 0, ""}} {
		for range step.add {
			require.NoError(t, lines.Add([]row.Value{row.OfInt(int64(lines.Len()))}))
		}
		lines.Truncate(step.keep)
		out.Reset()
		require.NoError(t, c.Print(0, []*Lines{lines}))
		require.Equal(t, step.want, strings.NewReplacer("counts | 1970-01-01 00:00:00Z | ", "", "n=", "", "… ", " ", " more", "", "\n", "").Replace(out.String()))
	}
}

type brokenPipe struct{}

var errPipe = errors.New("broken pipe")

func (brokenPipe) Write([]byte) (int, error) { return 0, errPipe }

func TestTheConsoleReportsWhatItCouldNotPrint(t *testing.T) {
	c := OpenConsole(&plan.Sink{Source: &plan.Source{Name: "in"}, Columns: []row.Column{col("n", row.Int8)}, Console: &plan.Console{}}, brokenPipe{})
	lines := c.NewLines()
	require.NoError(t, lines.Add([]row.Value{row.OfInt(1)}))
	err := c.Print(0, []*Lines{lines})
	require.ErrorIs(t, err, errPipe)
	require.EqualError(t, err, "print rows of in: broken pipe")
}
