package pipeline

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// reader holds the source text and gathers its problems.
type reader struct {
	name   string
	lines  []string
	getenv func(string) string
	errs   Errors

	refused map[*yaml.Node]bool // nodes that YAML has taken something from: what is left of them is not worth a message (F2)
}

// value is a YAML node and the path that leads to it.
type value struct {
	node *yaml.Node
	path string
	r    *reader
}

// fail reports a problem at the value.
func (v value) fail(cure, format string, args ...any) {
	v.failAt(v.node.Line, v.node.Column, cure, fmt.Sprintf(format, args...))
}

func (v value) failAt(line, column int, cure, msg string) {
	if v.r.refused[v.node] {
		return
	}
	v.r.errs = append(v.r.errs, &Error{File: v.r.name, Line: line, Column: column, Path: v.path, Msg: msg, Cure: cure})
}

// failIn reports a problem at a byte of the scalar as written; where that place cannot be told, at the scalar's start.
func (v value) failIn(raw int, cure, msg string) {
	if c, ok := v.r.find(v.node, raw); ok && v.node.Line > 0 {
		v.failAt(c.line, c.column(), cure, msg)
		return
	}
	v.failAt(v.node.Line, v.node.Column, cure, msg)
}

// describe names what the value is, for messages.
func (v value) describe() string {
	switch {
	case v.node.Kind == yaml.MappingNode:
		return "a mapping"
	case v.node.Kind == yaml.SequenceNode:
		return "a list"
	case v.empty():
		return "nothing"
	}
	return strconv.Quote(v.node.Value)
}

// empty tells a key that has no value.
func (v value) empty() bool {
	return v.node.Kind == yaml.ScalarNode && v.node.Value == "" && v.node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) == 0
}

// child is the value below a key.
func (v value) child(key string, n *yaml.Node) value {
	path := key
	if v.path != "" {
		path = v.path + "." + key
	}
	return value{n, path, v.r}
}

// text returns a scalar with its variables replaced; want says in the message what belongs there.
func (v value) text(want string) (text, bool) {
	if v.node.Kind != yaml.ScalarNode || v.empty() {
		v.fail("", "want %s, found %s", want, v.describe())
		return text{}, false
	}
	if v.node.Line == 0 { // an override: it comes from the environment and is taken as it is
		return text{string: v.node.Value}, true
	}
	t, err := expand(v.node.Value, v.r.getenv)
	if err != nil {
		v.failIn(err.at, err.cure, err.msg)
		return text{}, false
	}
	return t, true
}

// word returns a scalar's text.
func (v value) word(want string) (string, bool) {
	t, ok := v.text(want)
	return strings.TrimSpace(t.string), ok
}

// choice returns the index of the scalar among the words that may stand there.
func (v value) choice(words ...string) (int, bool) {
	s, ok := v.word(listed(words))
	if !ok {
		return 0, false
	}
	for i, w := range words {
		if s == w {
			return i, true
		}
	}
	v.fail(didYouMean(s, words), "unknown value %q", s)
	return 0, false
}

// integer reads a whole number between least and most.
func (v value) integer(least, most int) (int, bool) {
	want := fmt.Sprintf("a whole number from %d to %d", least, most)
	s, ok := v.word(want)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		v.fail("", "want %s, found %q", want, s)
		return 0, false
	}
	return n, true
}

// boolean reads true or false.
func (v value) boolean() bool {
	i, _ := v.choice("false", "true")
	return i == 1
}

// duration reads a duration of at least least.
func (v value) duration(least time.Duration) (time.Duration, bool) {
	s, ok := v.word("a duration such as 500ms, 10s or 1d12h")
	if !ok {
		return 0, false
	}
	d, ok := parseDuration(s)
	if !ok {
		v.fail("write a number with a unit, such as 500ms, 10s or 1d12h", "%q is not a duration", s)
		return 0, false
	}
	if d < least {
		v.fail("", "%s is too short: want at least %s", s, formatDuration(least))
		return 0, false
	}
	return d, true
}

// size reads a number of bytes of at least least.
func (v value) size(least int64) (int64, bool) {
	s, ok := v.word("a size such as 64MiB")
	if !ok {
		return 0, false
	}
	n, ok := parseSize(s)
	if !ok {
		v.fail("write a number of bytes, or one with a unit, such as 64MiB or 64MB", "%q is not a size", s)
		return 0, false
	}
	if n < least {
		v.fail("", "%s is too small: want at least %s", s, formatSize(least))
		return 0, false
	}
	return n, true
}
