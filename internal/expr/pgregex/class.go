package pgregex

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// runes is a set of characters as sorted ranges that do not touch.
type runes [][2]rune

func (s runes) has(r rune) bool {
	i, found := slices.BinarySearchFunc(s, r, func(p [2]rune, r rune) int { return int(p[0] - r) })
	return found || i > 0 && r <= s[i-1][1]
}

func (s runes) normal() runes {
	slices.SortFunc(s, func(a, b [2]rune) int { return int(a[0] - b[0]) })
	var out runes
	for _, p := range s {
		if n := len(out); n > 0 && p[0] <= out[n-1][1]+1 {
			out[n-1][1] = max(out[n-1][1], p[1])
			continue
		}
		out = append(out, p)
	}
	return out
}

func (s runes) complement() runes {
	var out runes
	next := rune(0)
	for _, p := range s {
		if p[0] > next {
			out = append(out, [2]rune{next, p[0] - 1})
		}
		next = p[1] + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, [2]rune{next, unicode.MaxRune})
	}
	return out
}

// bothCases adds the other cases of every character.
func (s runes) bothCases() runes {
	out := slices.Clone(s)
	for _, p := range s {
		for r := p[0]; r <= p[1]; r++ {
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				out = append(out, [2]rune{f, f})
			}
		}
	}
	return out.normal()
}

// source writes the set as the inside of a bracket expression of Go's regexp.
func (s runes) source() string {
	var b strings.Builder
	for _, p := range s {
		fmt.Fprintf(&b, `\x{%x}-\x{%x}`, p[0], p[1])
	}
	return b.String()
}

func fromTables(tables ...*unicode.RangeTable) runes {
	var out runes
	for _, t := range tables {
		for _, r := range t.R16 {
			out = addStride(out, rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range t.R32 {
			out = addStride(out, rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	return out
}

func addStride(s runes, lo, hi, stride rune) runes {
	if stride == 1 {
		return append(s, [2]rune{lo, hi})
	}
	for r := lo; r <= hi; r += stride {
		s = append(s, [2]rune{r, r})
	}
	return s
}

func ranges(pairs string) runes {
	var out runes
	rs := []rune(pairs)
	for i := 0; i+1 < len(rs); i += 2 {
		out = append(out, [2]rune{rs[i], rs[i+1]})
	}
	return out
}

// The classes as glibc's C.UTF-8 has them: letters include combining vowels and the digits of other scripts; no-break blanks are no space.
var classes = map[string]func() runes{
	"digit":  sync.OnceValue(func() runes { return ranges("09") }),
	"xdigit": sync.OnceValue(func() runes { return ranges("09AFaf").normal() }),
	"blank":  sync.OnceValue(func() runes { return ranges("\t\t  ").normal() }),
	"cntrl":  sync.OnceValue(func() runes { return ranges("\x00\x1f\x7f\u009f").normal() }),
	"space": sync.OnceValue(func() runes {
		return ranges("\t\r  \u1680\u1680\u2000\u2006\u2008\u200a\u2028\u2029\u205f\u205f\u3000\u3000").normal()
	}),
	"upper": sync.OnceValue(func() runes { return fromTables(unicode.Lu, unicode.Lt, unicode.Other_Uppercase).normal() }),
	"lower": sync.OnceValue(func() runes { return fromTables(unicode.Ll, unicode.Lt, unicode.Other_Lowercase).normal() }),
	"alpha": sync.OnceValue(func() runes { return letters().normal() }),
	"alnum": sync.OnceValue(func() runes { return append(letters(), ranges("09")...).normal() }),
	"word":  sync.OnceValue(func() runes { return append(letters(), ranges("09__")...).normal() }),
}

func letters() runes {
	s := fromTables(unicode.L, unicode.Nl, unicode.Other_Alphabetic)
	for _, p := range fromTables(unicode.Nd) {
		if p[0] > '9' {
			s = append(s, p)
		}
	}
	return s
}

// escapeClass gives the class of \d, \s, \w and their negations.
func escapeClass(c byte) (runes, bool) {
	name := map[byte]string{'d': "digit", 's': "space", 'w': "word"}[c|0x20]
	if name == "" {
		return nil, false
	}
	set := classes[name]()
	if c < 'a' {
		set = set.complement()
	}
	return set, true
}
