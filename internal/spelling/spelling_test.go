package spelling

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDistanceCountsEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"delay", "delay", 0}, {"dely", "delay", 1}, {"delayy", "delay", 1}, {"deley", "delay", 1}, {"dealy", "delay", 1},
		{"", "abc", 3}, {"kitten", "sitting", 3}, {"ca", "abc", 3},
	} {
		require.Equal(t, c.want, Distance(c.a, c.b), "%q %q", c.a, c.b)
		require.Equal(t, c.want, Distance(c.b, c.a), "%q %q", c.b, c.a)
	}
}

func TestOnlyANameThatIsNearIsOffered(t *testing.T) {
	known := []string{"origin", "delay", "date"}
	for name, want := range map[string]string{"dely": "delay", "DELAY": "delay", "orgin": "origin", "Date": "date", "carrier": "", "x": "", "": "", "destination": ""} {
		got, ok := Nearest(name, known)
		require.Equal(t, want, got, name)
		require.Equal(t, want != "", ok, name)
	}
}
