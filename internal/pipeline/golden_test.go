package pipeline

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/plan"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew; explain every line of the diff")

// noEnv is an environment in which nothing is set.
func noEnv(string) string { return "" }

// golden compares text with a file beside the one that it comes from.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -rewrite and read what it wrote")
	require.Equal(t, string(want), got)
}

// files lists testdata by a pattern and fails if a file has gone missing from it.
func files(t *testing.T, pattern string, least int) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(paths), least, pattern)
	return paths
}

func TestEveryBadFileIsRefusedWithAllItsProblemsAtTheirPlaces(t *testing.T) {
	for _, path := range files(t, "testdata/bad/*.yaml", 60) {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(name, func(t *testing.T) {
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			p, err := Parse(filepath.Base(path), src, noEnv)
			require.Nil(t, p)
			var all Errors
			require.ErrorAs(t, err, &all)
			for _, e := range all {
				require.NotEmpty(t, e.Msg)
				require.Positive(t, e.Line, e.Msg)
				require.LessOrEqual(t, e.Line, strings.Count(string(src), "\n")+1, e.Msg)
			}
			golden(t, strings.TrimSuffix(path, ".yaml")+".golden", all.Error()+"\n")
		})
	}
}

func TestAGoodFileGivesThePlanThatExplainShows(t *testing.T) {
	for _, path := range files(t, "testdata/good/*.yaml", 8) {
		name := strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(name, func(t *testing.T) {
			p := load(t, path)
			golden(t, strings.TrimSuffix(path, ".yaml")+".golden", dump(p))
		})
	}
}

func TestEveryExampleIsAPlan(t *testing.T) {
	for _, path := range files(t, "../../examples/*/*.yaml", 6) {
		name := filepath.Base(filepath.Dir(path)) + "_" + strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(name, func(t *testing.T) {
			p := load(t, path)
			require.Empty(t, Warnings(p))
			golden(t, "testdata/examples/"+name+".golden", dump(p))
			src, err := os.ReadFile(path)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(string(src), "# "), "an example begins with what it does")
		})
	}
}

func TestAPlanDoesNotDependOnAnythingButItsText(t *testing.T) {
	for _, path := range files(t, "testdata/good/*.yaml", 8) {
		first := dump(load(t, path))
		for range 5 {
			require.Equal(t, first, dump(load(t, path)), path)
		}
	}
}

func load(t *testing.T, path string) *plan.Pipeline {
	t.Helper()
	p, err := Load(path, noEnv)
	require.NoError(t, err)
	return p
}

// dump is what the golden files of plans hold.
func dump(p *plan.Pipeline) string {
	out := Explain(p)
	for _, w := range Warnings(p) {
		out += "\nwarning: " + w + "\n"
	}
	return out
}
