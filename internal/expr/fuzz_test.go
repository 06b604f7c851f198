package expr

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/row"
)

// FuzzCompile: no source panics, neither when it is compiled nor over any row (E3); errors point into the source (E2).
func FuzzCompile(f *testing.F) {
	for _, file := range []string{"testdata/constants.txt", "testdata/rows_columns.txt"} {
		_, list := readExamples(f, file)
		for _, x := range list {
			f.Add(x.source)
		}
	}
	f.Fuzz(func(t *testing.T, source string) {
		x, errs := Compile(source, Scope{Columns: relation})
		for _, e := range errs {
			require.True(t, 0 <= e.Pos && e.Pos <= e.End && e.End <= len(source), "%q: %v", source, e)
			require.NotEmpty(t, e.Msg)
		}
		if errs != nil {
			return
		}
		for _, r := range fuzzRows(t) {
			e := Env{Row: r}
			v := x.Value(&e)
			if e.Err != nil {
				require.True(t, x.Fallible, "%q failed with %v and is not Fallible", source, e.Err)
				continue
			}
			if !v.Null {
				_ = Format(v, x.Type)
			}
		}
		_, _ = CompileAggregation([]Named{{"v", source}}, Scope{Columns: relation}, relation[:2], relation[2:4])
	})
}

var cachedRows [][]row.Value

func fuzzRows(t *testing.T) [][]row.Value {
	if cachedRows == nil {
		cachedRows = parsedRows(t)
	}
	return cachedRows
}

// FuzzParseText: what is read and printed reads back the same.
func FuzzParseText(f *testing.F) {
	for _, tuple := range tuples {
		for j, text := range tuple {
			f.Add(uint8(relation[j].Type), text)
		}
	}
	f.Fuzz(func(t *testing.T, typ uint8, text string) {
		ty := row.Type(typ)
		if ty.Elem() == row.Unknown || ty.Elem() > row.Interval {
			return
		}
		v, err := ParseText(text, ty)
		if err != nil {
			return
		}
		again, err := ParseText(Format(v, ty), ty)
		require.NoError(t, err, "%s %q prints %q", ty, text, Format(v, ty))
		require.Equal(t, Format(v, ty), Format(again, ty), "%s %q", ty, text)
		require.Zero(t, Compare(v, again, ty), "%s %q", ty, text)
	})
}
