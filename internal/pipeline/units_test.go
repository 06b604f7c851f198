package pipeline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDurationsAreGosWithDaysBeforeThem(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"500ms": 500 * time.Millisecond, "0s": 0, "1h30m": 90 * time.Minute, "1d": 24 * time.Hour, "1d12h": 36 * time.Hour,
		"0d": 0, "1.5h": 90 * time.Minute, "106751d": 106751 * 24 * time.Hour,
	} {
		got, ok := parseDuration(s)
		require.True(t, ok, s)
		require.Equal(t, want, got, s)
	}
	for _, s := range []string{"", "5", "d", "1.5d", "-1s", "1d-1h", "-1d", "1h1d", "1 d", "+1s", "1d+1h", "106752d", "106751d24h", "9999999d", "1w"} {
		_, ok := parseDuration(s)
		require.False(t, ok, s)
	}
}

func TestADurationIsWrittenAsItIsRead(t *testing.T) {
	for _, s := range []string{"500ms", "0s", "1h30m", "1d", "1d12h", "1m", "1m30s", "2h", "1h0m1s", "24h0.5s"} {
		d, ok := parseDuration(s)
		require.True(t, ok, s)
		again, ok := parseDuration(formatDuration(d))
		require.True(t, ok, s)
		require.Equal(t, d, again, s)
	}
	require.Equal(t, "1d12h", formatDuration(36*time.Hour))
	require.Equal(t, "1m", formatDuration(time.Minute))
}

func TestSizesHaveBinaryAndDecimalUnits(t *testing.T) {
	for s, want := range map[string]int64{"64MiB": 64 << 20, "64MB": 64e6, "1024": 1024, "1 GiB": 1 << 30, "2kB": 2000, "3KiB": 3072, "7B": 7} {
		got, ok := parseSize(s)
		require.True(t, ok, s)
		require.Equal(t, want, got, s)
	}
	for _, s := range []string{"", "MiB", "-1", "1.5MiB", "64Mb", "9223372036854775807KiB", "1e6", "0x10"} {
		_, ok := parseSize(s)
		require.False(t, ok, s)
	}
	require.Equal(t, "64MiB", formatSize(64<<20))
	require.Equal(t, "1000B", formatSize(1000))
}
