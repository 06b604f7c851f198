package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/app"
	"github.com/millrace/millrace/internal/testkit"
)

func TestMain(m *testing.M) {
	if os.Getenv(asProcessor) != "" {
		main()
	}
	testkit.Main(m)
}

// result is how a command ended.
type result struct {
	code           int
	stdout, stderr string
}

// processor runs a command as main does, with this environment and no other.
func processor(environ []string, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := execute(invocation{args: args, environ: environ, stdout: &stdout, stderr: &stderr})
	return result{code, stdout.String(), stderr.String()}
}

const good = `pipeline: lines
sources:
  in:
    kafka: {topic: lines, start: earliest}
    format: text
streams:
  words:
    from: in
    steps:
      - updateStateByKey: {key: [value], values: {n: count(*)}}
sinks:
  - from: words
    postgres: {table: public.words, mode: upsert, key: [value], create: true}
`

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipeline.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestACommandLineThatCannotBeUnderstoodIsRefusedInWords(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "name a command"},
		{[]string{"start"}, `there is no command "start"`},
		{[]string{"validate"}, "no pipeline file"},
		{[]string{"explain"}, "no pipeline file"},
		{[]string{"validate", "a", "b"}, "one pipeline file is wanted"},
		{[]string{"validate", "/nowhere/a.yaml"}, "/nowhere/a.yaml"},
		{[]string{"version", "x"}, "no argument is wanted"},
		{[]string{"demo", "--for", "soon"}, `demo [--for 20s]: invalid value "soon"`},
		{[]string{"demo", "--for", "-3s"}, "--for is negative"},
		{[]string{"demo", "now"}, "no argument is wanted"},
		{[]string{"demo", "--fast"}, "flag provided but not defined: -fast"},
	} {
		r := processor(nil, c.args...)
		require.Equal(t, exitRefused, r.code, "%q", c.args)
		require.Contains(t, r.stderr, c.says)
		require.Empty(t, r.stdout)
	}
}

func TestWhatIsNotInThisVersionSaysSoAndIsRefused(t *testing.T) {
	for _, name := range []string{"plan", "test", "offsets", "deadletters", "state", "audit", "drop"} {
		r := processor(nil, name, "x.yaml")
		require.Equal(t, result{code: exitRefused, stderr: "processor: " + name + ": not in this version\n"}, r)
	}
}

func TestHelpIsGivenWhereverItIsAskedFor(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}, {"-h"}, {"run", "--help"}, {"demo", "-h"}} {
		r := processor(nil, args...)
		require.Equal(t, exitDone, r.code, "%q", args)
		for _, c := range commands() {
			require.Contains(t, r.stdout, "\n  "+c.name)
		}
	}
}

func TestVersionIsOneLine(t *testing.T) {
	r := processor(nil, "version")
	require.Equal(t, exitDone, r.code)
	require.Regexp(t, `^processor \S+ go1\S+ \w+/\w+\n$`, r.stdout)
}

func TestValidateSaysOkInOneLine(t *testing.T) {
	path := file(t, good)
	want := "ok: " + path + ": pipeline lines, exactly-once every 1s: 1 source, 1 stream, 1 sink, state in words.updateStateByKey\n"
	require.Equal(t, result{stdout: want}, processor(nil, "validate", path))
	require.Equal(t, result{stdout: want}, processor([]string{"MILLRACE_PIPELINE=" + path}, "validate"))
}

func TestValidateShowsEveryProblemWithItsPlaceAndCure(t *testing.T) {
	path := file(t, strings.NewReplacer("start: earliest", "start: erliest", "from: words", "from: wrods", "format: text", "fromat: text").Replace(good))
	r := processor(nil, "validate", path)
	require.Equal(t, exitRefused, r.code)
	require.Empty(t, r.stdout)
	for _, says := range []string{path + ":4:", path + ":5:", path + ":12:", `did you mean "format"?`, `did you mean "words"?`} {
		require.Contains(t, r.stderr, says)
	}
	for _, line := range strings.Split(strings.TrimSpace(r.stderr), "\n") {
		require.True(t, strings.HasPrefix(line, "processor: "+path), line)
	}
}

func TestValidateWarnsOfWhatIsTakenByNobody(t *testing.T) {
	r := processor(nil, "validate", file(t, strings.Replace(good, "streams:\n", "  more:\n    kafka: {topic: more}\n    format: text\nstreams:\n", 1)))
	require.Equal(t, exitDone, r.code)
	require.Contains(t, r.stderr, "processor: warning: ")
	require.Contains(t, r.stderr, "sources.more")
}

func TestExplainShowsTheGraph(t *testing.T) {
	r := processor(nil, "explain", file(t, good))
	require.Equal(t, exitDone, r.code)
	require.Contains(t, r.stdout, "pipeline lines")
	require.Contains(t, r.stdout, "updateStateByKey")
}

func TestRunNamesEveryProblemOfTheEnvironmentAndTheFileAtOnce(t *testing.T) {
	path := file(t, strings.Replace(good, "mode: upsert", "mode: upzert", 1))
	r := processor([]string{"MILLRACE_POSTGRES_URL=postgres://me:hunter2@db:port/x", "MILLRACE_HTTP_ADDR=nowhere", "MILLRACE_PIPLINE=x"}, "run", path)
	require.Equal(t, exitRefused, r.code)
	for _, says := range []string{
		"MILLRACE_KAFKA_BROKERS is not set", "MILLRACE_POSTGRES_URL", "MILLRACE_HTTP_ADDR", "MILLRACE_PIPLINE is not a variable", "MILLRACE_PIPELINE?",
		path + ":13:", `did you mean "upsert"?`,
	} {
		require.Contains(t, r.stderr, says)
	}
	require.NotContains(t, r.stderr, "hunter2")
}

func TestRunWithoutAFileSaysHowToNameOneBesideTheOtherProblems(t *testing.T) {
	r := processor(nil, "run")
	require.Equal(t, exitRefused, r.code)
	require.Contains(t, r.stderr, "no pipeline file: name it after the command, or in MILLRACE_PIPELINE")
	require.Contains(t, r.stderr, "MILLRACE_POSTGRES_URL is not set")
}

func TestMigrateNeedsNoKafka(t *testing.T) {
	r := processor(nil, "migrate")
	require.Equal(t, exitRefused, r.code)
	require.Contains(t, r.stderr, "MILLRACE_POSTGRES_URL is not set")
	require.NotContains(t, r.stderr, "KAFKA")
}

func TestMigrateWithoutAServerIsRefusedWithoutItsPassword(t *testing.T) {
	r := processor([]string{"MILLRACE_POSTGRES_URL=postgres://me:hunter2@127.0.0.1:1/x"}, "migrate")
	require.Equal(t, exitRefused, r.code)
	require.Contains(t, r.stderr, "127.0.0.1")
	require.NotContains(t, r.stderr, "hunter2")
}

func TestTheExitCodeTellsRefusedFromFailedFromFenced(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, exitDone},
		{errors.New("disk full"), exitFailed},
		{errStopped, exitFailed},
		{app.ErrFenced, exitFenced},
		{fmt.Errorf("run: %w", app.ErrFenced), exitFenced},
		{usageError("no"), exitRefused},
		{fmt.Errorf("run: %w", &app.Refusal{Err: errors.New("no topic")}), exitRefused},
		{errors.Join(errors.New("x"), refused{errors.New("y")}), exitRefused},
	} {
		require.Equal(t, c.code, exitCode(c.err), "%v", c.err)
	}
}
