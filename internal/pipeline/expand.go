package pipeline

import (
	"fmt"
	"regexp"
	"strings"
)

// text is a scalar after its ${VAR} were replaced, with the way back to what was written.
type text struct {
	string
	cuts []cut
}

// cut says that text[from:until) stands for what began at raw in the scalar, and that raw goes on at rawUntil after it.
type cut struct{ from, until, raw, rawUntil int }

// raw maps an offset in the replaced text to the scalar as written. Inside a replaced variable that is its "${".
func (t text) raw(offset int) int {
	for i := len(t.cuts) - 1; i >= 0; i-- {
		switch c := t.cuts[i]; {
		case offset >= c.until:
			return c.rawUntil + offset - c.until
		case offset >= c.from:
			return c.raw
		}
	}
	return offset
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expandError is a ${…} that could not be replaced; at is its offset in the scalar.
type expandError struct {
	at        int
	msg, cure string
}

// expand replaces ${VAR} and ${VAR:-default}; "$$" and a "$" before anything else stand for themselves. A variable that is set to
// nothing counts as not set, as in the shell's ":-".
func expand(s string, getenv func(string) string) (text, *expandError) {
	var b strings.Builder
	var cuts []cut
	for at := 0; ; {
		i := strings.Index(s[at:], "${")
		if i < 0 {
			b.WriteString(s[at:])
			return text{b.String(), cuts}, nil
		}
		open := at + i
		n := strings.IndexByte(s[open:], '}')
		if n < 0 {
			return text{string: s}, &expandError{open, `"${" without "}"`, "write ${NAME} or ${NAME:-default}"}
		}
		value, err := lookup(s[open+2:open+n], getenv)
		if err != nil {
			err.at = open
			return text{string: s}, err
		}
		b.WriteString(s[at:open])
		from := b.Len()
		b.WriteString(value)
		at = open + n + 1
		cuts = append(cuts, cut{from, b.Len(), open, at})
	}
}

// lookup gives the value of what stands between "${" and "}".
func lookup(inner string, getenv func(string) string) (string, *expandError) {
	name, fallback, hasFallback := strings.Cut(inner, ":-")
	if !variable.MatchString(name) {
		return "", &expandError{msg: fmt.Sprintf("%q is not the name of a variable", name),
			cure: "write ${NAME} or ${NAME:-default}; in an expression, '$' || '{' makes the two characters"}
	}
	if v := getenv(name); v != "" {
		return v, nil
	}
	if !hasFallback {
		return "", &expandError{msg: "the environment variable " + name + " is not set",
			cure: "set it, or write ${" + name + ":-default}"}
	}
	return fallback, nil
}
