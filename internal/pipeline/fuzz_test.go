package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzParse holds for any text: Parse gives either a plan that can be explained, or problems that each have a place in the text.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "testdata/good/*.yaml"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(f, err)
		for _, path := range paths {
			src, err := os.ReadFile(path)
			require.NoError(f, err)
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		p, err := Parse("f", src, noEnv)
		if err == nil {
			require.NotEmpty(t, Explain(p))
			Warnings(p)
			return
		}
		require.Nil(t, p)
		var all Errors
		require.ErrorAs(t, err, &all)
		require.NotEmpty(t, all)
		for _, e := range all {
			require.Positive(t, e.Line, e.Msg)
			require.Positive(t, e.Column, e.Msg)
			// YAML ends lines at some characters where we do not, so only the bound is checked.
			require.LessOrEqual(t, e.Line, 1+strings.Count(string(src), "\n")+strings.Count(string(src), "\r")+
				strings.Count(string(src), "\u0085")+strings.Count(string(src), "\u2028")+strings.Count(string(src), "\u2029"), e.Msg)
		}
	})
}
