package pipeline

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVariablesAreReplacedAndNothingElseIs(t *testing.T) {
	env := map[string]string{"TOPIC": "flights", "EMPTY": "", "NESTED": "${TOPIC}"}
	for in, want := range map[string]string{
		"${TOPIC}": "flights", "a-${TOPIC}-${NO:-b}": "a-flights-b", "${NO:-}": "", "${EMPTY:-x}": "x", "$$": "$$", "$TOPIC": "$TOPIC",
		"^[a-z]$": "^[a-z]$", "$${TOPIC}": "$flights", "${NESTED}": "${TOPIC}", "${NO:-a:-b}": "a:-b",
	} {
		got, err := expand(in, func(name string) string { return env[name] })
		require.Nil(t, err, in)
		require.Equal(t, want, got.string, in)
	}
}

func TestAVariableThatIsNotSetIsAnErrorAtItsDollar(t *testing.T) {
	for in, at := range map[string]int{"ab${NO}": 2, "${NO:-x}${NO}": 8, "a${": 1, "${}": 0, "${a b}": 0, "${1}": 0} {
		_, err := expand(in, noEnv)
		require.NotNil(t, err, in)
		require.Equal(t, at, err.at, in)
	}
}

func TestOffsetsInReplacedTextLeadBackToWhatWasWritten(t *testing.T) {
	const written = "a ${LONG:-xyz} b ${E:-} c"
	got, err := expand(written, noEnv)
	require.Nil(t, err)
	require.Equal(t, "a xyz b  c", got.string)
	for offset, char := range map[int]byte{0: 'a', 6: 'b', 9: 'c'} {
		require.Equal(t, char, got.string[offset])
		require.Equal(t, char, written[got.raw(offset)])
	}
	require.Equal(t, 2, got.raw(2), "inside a replaced variable: its ${")
	require.Equal(t, 2, got.raw(4))
	require.Equal(t, len(written), got.raw(len(got.string)))
}
