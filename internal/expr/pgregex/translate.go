package pgregex

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Regex is a compiled pattern of Postgres's advanced regular expressions, as far as RE2 can have its meaning. What it cannot have
// (back-references, look-around, word boundaries, non-greedy matching where lengths count) is refused.
type Regex struct {
	re   *regexp.Regexp
	Lazy bool // it has non-greedy quantifiers
	set  *Set // the whole pattern is one set of characters; nil otherwise
	many bool // set is followed by +

	emptyInside, emptyAtEnd bool // whether it matches the empty text there, past the start
}

// translator rewrites a pattern for Go's regexp.
type translator struct {
	in   string
	at   int
	out  strings.Builder
	fold bool
	lazy bool
	sets []runes // the classes seen, for one that is the whole pattern
	rest bool    // something else than one class was seen
	plus int     // where a + after the only class stands, -1 if there is none
}

func invalidPattern(why string) error { return errors.New("invalid regular expression: " + why) }

func unsupported(what string) error {
	return fmt.Errorf("regular expressions are RE2: %s: not in this version", what)
}

// ErrLazy: a pattern has non-greedy quantifiers and is to be used where the length of a match counts. Its callers refuse it.
var ErrLazy = unsupported("non-greedy quantifiers where the length of a match counts")

// Compile compiles a pattern; flags are those of regexp_replace.
func Compile(pattern, flags string) (*Regex, error) {
	fold, err := regexFlags(flags)
	if err != nil {
		return nil, err
	}
	t := &translator{in: pattern, plus: -1}
	if err := t.start(&fold); err != nil {
		return nil, err
	}
	t.fold = fold
	for t.at < len(t.in) {
		if err := t.next(); err != nil {
			return nil, err
		}
	}
	prefix := "(?s)"
	if fold {
		prefix = "(?si)"
	}
	source := prefix + t.out.String()
	re, err := regexp.Compile(anchored.Replace(source))
	if err != nil {
		return nil, invalidPattern(inPostgresWords(err))
	}
	re.Longest()
	r := &Regex{re: re, Lazy: t.lazy, emptyInside: matchesEmpty(within(source)), emptyAtEnd: matchesEmpty(toEnd(source))}
	if !fold && !t.rest && len(t.sets) == 1 {
		r.set, r.many = newSet(t.sets[0]), t.plus >= 0
	}
	return r, nil
}

// The start and the end of the text stand as markers in a translated pattern until it is compiled: no literal is written as such a byte.
const startMark, endMark, never = "\x01", "\x02", `[^\x{0}-\x{10ffff}]`

var anchored = strings.NewReplacer(startMark, `\A`, endMark, `\z`)

// within and toEnd are the pattern as it is past the start of a text: before its end, and at it.
func within(source string) string {
	return strings.NewReplacer(startMark, never, endMark, never).Replace(source)
}

func toEnd(source string) string {
	return strings.NewReplacer(startMark, never, endMark, "").Replace(source)
}

func matchesEmpty(source string) bool {
	re, err := regexp.Compile(source)
	return err == nil && re.MatchString("")
}

// inPostgresWords turns an error of Go's parser into Postgres's.
func inPostgresWords(err error) string {
	var e *syntax.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	switch e.Code {
	case syntax.ErrMissingParen, syntax.ErrUnexpectedParen:
		return "parentheses () not balanced"
	case syntax.ErrMissingRepeatArgument, syntax.ErrInvalidRepeatOp:
		return "quantifier operand invalid"
	case syntax.ErrInvalidRepeatSize:
		return "invalid repetition count(s)"
	}
	return e.Code.String()
}

// regexFlags reads i, c and g (which the callers look at); the newline-sensitive modes are refused.
func regexFlags(flags string) (fold bool, err error) {
	for _, f := range flags {
		switch f {
		case 'i':
			fold = true
		case 'c':
			fold = false
		case 'g', 's', 't':
		default:
			if !strings.ContainsRune("bemnpqwx", f) {
				return false, fmt.Errorf("invalid regular expression option: \"%c\"", f)
			}
			return false, unsupported(fmt.Sprintf("the option \"%c\"", f))
		}
	}
	return fold, nil
}

// start reads what may stand before the pattern: (?i).
func (t *translator) start(fold *bool) error {
	if strings.HasPrefix(t.in, "***") {
		return unsupported("the *** prefix")
	}
	if !strings.HasPrefix(t.in, "(?") || len(t.in) < 3 || t.in[2] < 'a' || t.in[2] > 'z' {
		return nil
	}
	end := strings.IndexByte(t.in, ')')
	if end < 0 {
		return invalidPattern("invalid embedded option")
	}
	f, err := regexFlags(t.in[2:end])
	*fold, t.at = f, end+1
	return err
}

func (t *translator) next() error {
	c := t.in[t.at]
	switch {
	case c == '[':
		return t.bracket()
	case c == '\\':
		return t.escape()
	case c == '(':
		return t.group()
	case c == '*' || c == '+' || c == '?' || c == '{':
		return t.quantifier()
	case c == '^' || c == '$':
		t.anchor(c == '^')
		t.at++
	case c == '.' || c == '|' || c == ')':
		t.rest = true
		t.out.WriteByte(c)
		t.at++
	default:
		r, n := utf8.DecodeRuneInString(t.in[t.at:])
		t.at += n
		t.literal(r)
	}
	return nil
}

func (t *translator) anchor(start bool) {
	t.rest = true
	if start {
		t.out.WriteString("(?:" + startMark + ")")
	} else {
		t.out.WriteString("(?:" + endMark + ")")
	}
}

// literal adds a plain character, which is a class of one too.
func (t *translator) literal(r rune) {
	t.sets = append(t.sets, runes{{r, r}})
	if r < ' ' {
		fmt.Fprintf(&t.out, `\x{%x}`, r)
		return
	}
	t.out.WriteString(regexp.QuoteMeta(string(r)))
}

func (t *translator) class(s runes) {
	t.sets = append(t.sets, s)
	t.out.WriteString("[" + s.source() + "]")
}

func (t *translator) group() error {
	t.rest = true
	rest := t.in[t.at:]
	switch {
	case strings.HasPrefix(rest, "(?:"):
		t.out.WriteString("(?:")
		t.at += 3
	case strings.HasPrefix(rest, "(?=") || strings.HasPrefix(rest, "(?!") || strings.HasPrefix(rest, "(?<"):
		return unsupported("look-around, " + rest[:3])
	case strings.HasPrefix(rest, "(?"):
		return invalidPattern("quantifier operand invalid")
	default:
		t.out.WriteByte('(')
		t.at++
	}
	return nil
}

var bound = regexp.MustCompile(`^\{(\d+)(,(\d*))?\}`)

func (t *translator) quantifier() error {
	c, start := t.in[t.at], t.at
	if s := t.out.String(); strings.HasSuffix(s, startMark+")") || strings.HasSuffix(s, endMark+")") {
		return invalidPattern("quantifier operand invalid")
	}
	if c == '{' {
		m := bound.FindStringSubmatch(t.in[t.at:])
		if m == nil {
			if t.at+1 < len(t.in) && t.in[t.at+1] >= '0' && t.in[t.at+1] <= '9' {
				return invalidPattern("invalid repetition count(s)")
			}
			t.at++
			t.literal('{')
			return nil
		}
		for _, n := range []string{m[1], m[3]} {
			if v, err := strconv.Atoi(n); n != "" && (err != nil || v > 255) {
				return invalidPattern("invalid repetition count(s)")
			}
		}
		t.at += len(m[0])
	} else {
		t.at++
	}
	t.out.WriteString(t.in[start:t.at])
	if c == '+' && len(t.sets) == 1 && t.at == len(t.in) {
		t.plus = start
	} else {
		t.rest = true
	}
	if t.at < len(t.in) && t.in[t.at] == '?' {
		t.lazy, t.rest = true, true
		t.out.WriteByte('?')
		t.at++
	}
	if t.at < len(t.in) && strings.IndexByte("*+?", t.in[t.at]) >= 0 {
		return invalidPattern("quantifier operand invalid")
	}
	return nil
}

var plainEscapes = map[byte]rune{'n': '\n', 't': '\t', 'r': '\r', 'f': '\f', 'v': '\v', 'a': '\a', 'b': '\b', 'e': 0x1b, 'B': '\\'}

// escape reads a backslash outside of brackets.
func (t *translator) escape() error {
	if t.at+1 >= len(t.in) {
		return invalidPattern("invalid escape \\ sequence")
	}
	c := t.in[t.at+1]
	if set, ok := escapeClass(c); ok {
		t.at += 2
		t.class(set)
		return nil
	}
	switch {
	case c == 'A' || c == 'Z':
		t.anchor(c == 'A')
		t.at += 2
		return nil
	case c == 'm' || c == 'M' || c == 'y' || c == 'Y':
		return unsupported(`the word boundary \` + string(c))
	case c >= '1' && c <= '9':
		return unsupported(`the back-reference \` + string(c))
	}
	r, err := t.char()
	if err != nil {
		return err
	}
	t.literal(r)
	return nil
}

// char reads an escape that stands for one character.
func (t *translator) char() (rune, error) {
	c := t.in[t.at+1]
	t.at += 2
	if r, ok := plainEscapes[c]; ok {
		return r, nil
	}
	if n := map[byte]int{'u': 4, 'U': 8}[c]; n > 0 {
		if t.at+n > len(t.in) {
			return 0, invalidPattern("invalid escape \\ sequence")
		}
		v, err := strconv.ParseUint(t.in[t.at:t.at+n], 16, 32)
		t.at += n
		if err != nil || !utf8.ValidRune(rune(v)) {
			return 0, invalidPattern("invalid escape \\ sequence")
		}
		return rune(v), nil
	}
	if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' {
		return 0, invalidPattern("invalid escape \\ sequence")
	}
	r, n := utf8.DecodeRuneInString(t.in[t.at-1:])
	t.at += n - 1
	return r, nil
}
