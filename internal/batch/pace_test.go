package batch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const second = int64(1_000_000)

func TestABatchGetsTheEndOfTheIntervalInWhichItOpens(t *testing.T) {
	p := Pace{Interval: second}
	for _, c := range []struct {
		name            string
		prev, now, want int64
	}{
		{"the first batch", 0, 10*second + 1, 11 * second},
		{"on a boundary", 0, 10 * second, 11 * second},
		{"after a pause", 3 * second, 10*second + 500_000, 11 * second},
		{"in the interval of the one before", 11 * second, 10*second + 500_000, 12 * second},
		{"while it leads the clock", 60 * second, 10 * second, 61 * second},
		{"before 1970", -5 * second, -3*second - 1, -3 * second},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, p.Time(c.prev, c.now))
		})
	}
}

func TestABatchWithoutInputNeverLeadsTheClock(t *testing.T) {
	p := Pace{Interval: second}
	at, ok := p.TimerTime(9*second, 10*second+7)
	require.True(t, ok)
	require.Equal(t, 10*second, at)
	_, ok = p.TimerTime(10*second, 10*second+7)
	require.False(t, ok, "the interval's batch has been")
	_, ok = p.TimerTime(60*second, 10*second)
	require.False(t, ok, "batch time leads the clock")
}

func TestBackoffGrowsToItsBound(t *testing.T) {
	last := int64(0)
	for n := 1; n < 100; n++ {
		b := Backoff(n)
		require.GreaterOrEqual(t, b, last)
		require.LessOrEqual(t, b, 5*second)
		last = b
	}
	require.Equal(t, 5*second, last)
}

func TestTheModesDifferInTheOrderOfTheirStepsOnly(t *testing.T) {
	for m, want := range map[Mode][]Step{
		ExactlyOnce: {Begin, Fence, SaveResult, SaveOffset, Commit},
		AtLeastOnce: {Begin, Fence, SaveResult, Commit, Begin, Fence, SaveOffset, Commit},
		AtMostOnce:  {Begin, Fence, SaveOffset, Commit, Begin, Fence, SaveResult, Commit},
	} {
		require.Equal(t, want, Order(m))
		back, ok := ParseMode(m.String())
		require.True(t, ok)
		require.Equal(t, m, back)
	}
}
