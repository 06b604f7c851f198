package pipeline

import (
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// cursor is a place in the source: a line from 1 and a byte in it from 0.
type cursor struct {
	lines []string
	line  int
	byte  int
}

func (c *cursor) rest() string {
	if c.line < 1 || c.line > len(c.lines) {
		return ""
	}
	return c.lines[c.line-1][min(c.byte, len(c.lines[c.line-1])):]
}

// column is the place's column in characters, from 1.
func (c *cursor) column() int {
	if c.line < 1 || c.line > len(c.lines) {
		return 1
	}
	line := c.lines[c.line-1]
	return utf8.RuneCountInString(line[:min(c.byte, len(line))]) + 1
}

// space skips white space and line ends, and tells whether there was any.
func (c *cursor) space() bool {
	skipped := false
	for c.line <= len(c.lines) {
		rest := c.rest()
		trimmed := strings.TrimLeft(rest, " \t\r")
		if skipped = skipped || trimmed != rest; trimmed != "" {
			c.byte += len(rest) - len(trimmed)
			return skipped
		}
		c.line, c.byte, skipped = c.line+1, 0, true
	}
	return skipped
}

// eat skips s if it stands here.
func (c *cursor) eat(s string) bool {
	if !strings.HasPrefix(c.rest(), s) {
		return false
	}
	c.byte += len(s)
	return true
}

// at makes a cursor from a line and a column in characters.
func (r *reader) at(line, column int) *cursor {
	c := &cursor{lines: r.lines, line: line}
	for rest := c.rest(); column > 1 && c.byte < len(rest); column-- {
		_, n := utf8.DecodeRuneInString(rest[c.byte:])
		c.byte += n
	}
	return c
}

// find gives the place of a byte of a scalar's value in the source. It walks both side by side: YAML's folding and indentation change
// white space only, so runs of it match each other, and all else is equal up to the doubled quote of single-quoted scalars. Where the
// source has escapes, find reports false.
func (r *reader) find(n *yaml.Node, offset int) (*cursor, bool) {
	c := r.start(n)
	for i := 0; i < offset; {
		if run := leadingSpace(n.Value[i:]); run > 0 {
			if i+run > offset {
				c.byte += offset - i
				return c, true
			}
			i += run
			c.space()
			continue
		}
		_, size := utf8.DecodeRuneInString(n.Value[i:])
		char := n.Value[i : i+size]
		if i == 0 {
			c.space()
		}
		if !c.eat(char) || (n.Style&yaml.SingleQuotedStyle != 0 && char == "'" && !c.eat("'")) {
			return nil, false
		}
		i += size
	}
	if offset == 0 {
		c.space()
	}
	return c, true
}

// start is where a scalar's text begins: after the quote, or on the line after a block scalar's header.
func (r *reader) start(n *yaml.Node) *cursor {
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return &cursor{lines: r.lines, line: n.Line + 1}
	case n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0:
		return r.at(n.Line, n.Column+1)
	}
	return r.at(n.Line, n.Column)
}

func leadingSpace(s string) int { return len(s) - len(strings.TrimLeft(s, " \t\r\n")) }
