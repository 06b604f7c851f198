package pgregex

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/row"
)

var sets = []string{`,`, `[,;]`, `[,;]+`, `\s`, `\s+`, `\W`, `\W+`, `\w+`, `[^a-zA-Z0-9]+`, `[^a-zA-Z0-9]`, `[^[:alpha:]]+`, `ß`, `[ß,]+`, `[Ω-ω]`, `[^ß]`, `\S+`, `\D`, `[^ -~]+`}

var texts = []string{"", ",", "a,b;;c", "  the quick  brown ", "Grüße, Ωmega ÄÖÜ", "日本語 テキスト", "ßß,ß", "a\u2003b\u00a0c", "١٢٣ 123", strings.Repeat("x, ", 50), "\n\t"}

// TestTheTablesGiveWhatTheEngineGives: G3 is only a faster way to the same pieces.
func TestTheTablesGiveWhatTheEngineGives(t *testing.T) {
	pieces := func(r *Regex, s string) (out []string) {
		r.Split(s, func(v row.Value) { out = append(out, v.S) })
		return out
	}
	for _, p := range sets {
		fast, err := Compile(p, "")
		require.NoError(t, err)
		require.NotNil(t, fast.set, "%s is one set", p)
		slow := *fast
		slow.set = nil
		for _, s := range texts {
			require.Equal(t, pieces(&slow, s), pieces(fast, s), "%s over %q", p, s)
			require.Equal(t, slow.Match(s), fast.Match(s), "%s over %q", p, s)
			for _, all := range []bool{false, true} {
				var a row.Arena
				require.Equal(t, slow.Replace(&a, s, "<>", all), fast.Replace(&a, s, "<>", all), "%s over %q", p, s)
			}
		}
	}
}

func TestWhatIsNotOneSetIsLeftToTheEngine(t *testing.T) {
	for _, p := range []string{"", "ab", "a*", "a|b", "^a", "(a)", "a{2}", "a+b", "a+?", "."} {
		r, err := Compile(p, "")
		require.NoError(t, err, p)
		require.Nil(t, r.set, p)
	}
	r, err := Compile("a", "i")
	require.NoError(t, err)
	require.Nil(t, r.set, "without regard to case")
}

func TestASetHasTheCharactersOfItsBracket(t *testing.T) {
	for _, p := range []string{`[^a-zA-Z0-9]`, `[é-ü,]`, `[^é]`, `[a-f0-9]`} {
		r, err := Compile(p, "")
		require.NoError(t, err)
		gos := regexp.MustCompile(p)
		for c := rune(1); c < 0x3000; c++ {
			if utf8.ValidRune(c) {
				require.Equal(t, gos.MatchString(string(c)), r.set.runes.has(c), "%s: %q", p, c)
				_, n := r.set.find(string(c), 0, false)
				require.Equal(t, gos.MatchString(string(c)), n == utf8.RuneLen(c), "%s: %q", p, c)
			}
		}
	}
}

func TestPatternsThatRE2CannotHaveAreRefusedWithWords(t *testing.T) {
	for p, words := range map[string]string{
		`(a)\1`: "back-reference", `a(?=b)`: "look-around", `a(?!b)`: "look-around", `(?<=a)b`: "look-around", `\ma`: "word boundary", `a\y`: "word boundary",
		`[[:punct:]]`: "[:punct:]", `[[.a.]]`: "collating", `***=a`: "***", `(?n)a`: "option",
	} {
		_, err := Compile(p, "")
		require.ErrorContains(t, err, words, p)
		require.ErrorContains(t, err, "not in this version", p)
	}
	r, err := Compile("a+?b", "")
	require.NoError(t, err)
	require.True(t, r.Lazy)
}
