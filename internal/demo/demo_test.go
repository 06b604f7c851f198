package demo

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/embedpg"
	"github.com/millrace/millrace/internal/testkit"
)

var verdict = regexp.MustCompile(`(\d+) flights are in Kafka, (\d+) are counted in Postgres`)

// flown is how many flights a run said to have counted; it must say that none is missing.
func flown(t *testing.T, out string) int {
	t.Helper()
	m := verdict.FindStringSubmatch(out)
	require.NotNil(t, m, out)
	require.Equal(t, m[1], m[2])
	n, err := strconv.Atoi(m[1])
	require.NoError(t, err)
	return n
}

func TestASecondRunGoesOnWhereTheFirstOneStopped(t *testing.T) {
	cache := testkit.Cache(t)
	var first, second bytes.Buffer
	require.NoError(t, Run(t.Context(), Options{For: 3 * time.Second, Cache: cache, Stdout: &first, Version: "test"}), first.String())
	n := flown(t, first.String())
	require.Positive(t, n)
	require.Contains(t, first.String(), "flights committed")
	require.Contains(t, first.String(), "psql '")

	require.NoError(t, Run(t.Context(), Options{For: 2 * time.Second, Cache: cache, Stdout: &second, Version: "test"}), second.String())
	require.Contains(t, second.String(), "going on after flight "+strconv.Itoa(n)+" of an earlier run")
	require.Greater(t, flown(t, second.String()), n)
}

func TestADrainEndsTheDemoWithEverythingCounted(t *testing.T) {
	drain := make(chan struct{})
	time.AfterFunc(2*time.Second, func() { close(drain) })
	var out bytes.Buffer
	require.NoError(t, Run(t.Context(), Options{Cache: testkit.Cache(t), Stdout: &out, Drain: drain, Version: "test"}), out.String())
	flown(t, out.String())
}

func TestACancelledDemoStopsAtOnceAndTheNextOneLosesNothing(t *testing.T) {
	cache := testkit.Cache(t)
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
	defer stop()
	var out bytes.Buffer
	require.Error(t, Run(ctx, Options{Cache: cache, Stdout: &out, Version: "test"}), out.String())
	require.NotContains(t, out.String(), "are counted in Postgres")

	out.Reset()
	require.NoError(t, Run(t.Context(), Options{For: time.Second, Cache: cache, Stdout: &out, Version: "test"}), out.String())
	flown(t, out.String())
}

func TestASecondDemoInTheSameFolderIsRefused(t *testing.T) {
	cache := testkit.Cache(t)
	s, err := startServers(t.Context(), filepath.Join(cache, "demo"), embedpg.Binaries(cache), func(string) {})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.stop()) }()
	err = Run(t.Context(), Options{Cache: cache, Stdout: &bytes.Buffer{}})
	var refused *Refusal
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "MILLRACE_CACHE")
}
