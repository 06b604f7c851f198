//go:build integration

package harness

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// EqualsCSV compares the rows of a query with a CSV file that has a header, row by row and in order. Numbers that are not integers are
// equal if they are the same float8: the file's author writes 5.0 where Postgres writes 5.
func EqualsCSV(t *testing.T, got [][]string, path string) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	want, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	want = want[1:]
	var diffs []string
	for i := range max(len(want), len(got)) {
		if w, g := at(want, i), at(got, i); !sameRow(w, g) {
			diffs = append(diffs, fmt.Sprintf("row %d: want %v, got %v", i+1, w, g))
		}
	}
	require.Empty(t, diffs[:min(len(diffs), 10)], "%d of %d rows differ from %s (%d rows came)", len(diffs), len(want), path, len(got))
}

func at(rows [][]string, i int) []string {
	if i < len(rows) {
		return rows[i]
	}
	return nil
}

func sameRow(a, b []string) bool {
	if len(a) != len(b) || a == nil || b == nil {
		return false
	}
	for i := range a {
		if a[i] != b[i] && !sameFloat(a[i], b[i]) {
			return false
		}
	}
	return true
}

func sameFloat(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return errX == nil && errY == nil && x == y
}
