package pgregex

import (
	"strings"
	"unicode/utf8"
)

// bracket reads [...]: single characters, ranges by code point, classes and class escapes.
func (t *translator) bracket() error {
	t.at++
	negate := t.accept("^")
	var set runes
	for first := true; ; first = false {
		switch {
		case t.at >= len(t.in):
			return invalidPattern("brackets [] not balanced")
		case t.in[t.at] == ']' && !first:
			t.at++
			set = set.normal()
			if negate && t.fold { // [^a] without regard to case is neither a nor A
				set = set.bothCases()
			}
			if negate {
				set = set.complement()
			}
			if len(set) == 0 {
				return invalidPattern("empty class")
			}
			t.class(set)
			return nil
		}
		part, err := t.bracketPart()
		if err != nil {
			return err
		}
		set = append(set, part...)
	}
}

func (t *translator) accept(s string) bool {
	ok := strings.HasPrefix(t.in[t.at:], s)
	if ok {
		t.at += len(s)
	}
	return ok
}

func (t *translator) bracketPart() (runes, error) {
	rest := t.in[t.at:]
	if strings.HasPrefix(rest, "[:") {
		return t.named()
	}
	if strings.HasPrefix(rest, "[.") || strings.HasPrefix(rest, "[=") {
		return nil, unsupported("collating elements")
	}
	if rest[0] == '\\' && len(rest) > 1 {
		if set, ok := escapeClass(rest[1]); ok {
			t.at += 2
			return set, nil
		}
	}
	lo, err := t.bracketChar()
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(t.in[t.at:], "-") || strings.HasPrefix(t.in[t.at:], "-]") {
		return runes{{lo, lo}}, nil
	}
	t.at++
	if t.at >= len(t.in) {
		return nil, invalidPattern("brackets [] not balanced")
	}
	hi, err := t.bracketChar()
	if err != nil {
		return nil, err
	}
	if hi < lo {
		return nil, invalidPattern("invalid character range")
	}
	return runes{{lo, hi}}, nil
}

func (t *translator) bracketChar() (rune, error) {
	if t.in[t.at] == '\\' {
		if t.at+1 >= len(t.in) {
			return 0, invalidPattern("brackets [] not balanced")
		}
		return t.char()
	}
	r, n := utf8.DecodeRuneInString(t.in[t.at:])
	t.at += n
	return r, nil
}

func (t *translator) named() (runes, error) {
	name, _, closed := strings.Cut(t.in[t.at+2:], ":]")
	if !closed {
		return nil, invalidPattern("brackets [] not balanced")
	}
	t.at += len(name) + 4
	switch name {
	case "punct", "graph", "print":
		return nil, unsupported("the class [:" + name + ":]")
	}
	set, ok := classes[name]
	if !ok {
		return nil, invalidPattern("invalid character class")
	}
	return append(runes(nil), set()...), nil
}
