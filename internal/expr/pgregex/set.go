package pgregex

import (
	"unicode/utf8"

	"github.com/millrace/millrace/internal/row"
)

// Set is a set of characters with a table of what a character's first byte tells: for runs of the set, and for single characters, where
// the bytes of one character must stay together.
type Set struct {
	run, single [256]uint8
	runes       runes
}

const (
	outside = iota // not in the set
	inside         // in the set
	decode         // beyond ASCII: look at the character
)

func newSet(s runes) *Set {
	c := &Set{runes: s}
	for i := range utf8.RuneSelf {
		if s.has(rune(i)) {
			c.run[i], c.single[i] = inside, inside
		}
	}
	last := [2]rune{}
	if len(s) > 0 {
		last = s[len(s)-1]
	}
	run, single := uint8(decode), uint8(decode)
	switch {
	case last[1] < utf8.RuneSelf: // none beyond ASCII, so every byte of theirs is outside
		run, single = outside, outside
	case last[0] <= utf8.RuneSelf && last[1] == utf8.MaxRune: // all of them
		run = inside
	}
	for i := utf8.RuneSelf; i < 256; i++ {
		c.run[i], c.single[i] = run, single
	}
	return c
}

// OneByte is the set of one ASCII character.
func OneByte(b byte) *Set { return newSet(runes{{rune(b), rune(b)}}) }

// Split cuts at characters of the set, a run of them being one separator if many is set. This is the hottest loop of a word count: one
// look into a table for every byte, and no call but emit.
func (c *Set) Split(s string, many bool, emit func(row.Value)) {
	bytes := &c.single
	if many {
		bytes = &c.run
	}
	start := 0
	for i := 0; i < len(s); {
		n := 1
		switch bytes[s[i]] {
		case outside:
			i++
			continue
		case decode:
			var in bool
			if n, in = c.wide(s, i); !in {
				i += n
				continue
			}
		}
		emit(row.Value{S: s[start:i]})
		if i += n; many {
			i = c.skip(s, i)
		}
		start = i
	}
	emit(row.Value{S: s[start:]})
}

// replace is regexp_replace for a set, with a replacement that is plain text.
func (c *Set) replace(arena *row.Arena, s, to string, all, many bool) string {
	at, n := c.find(s, 0, many)
	if n == 0 {
		return s
	}
	out, done := arena.Alloc(len(s) + len(to))[:0], 0
	for n > 0 {
		out = append(append(out, s[done:at]...), to...)
		done = at + n
		if !all {
			break
		}
		at, n = c.find(s, done, many)
	}
	return row.String(append(out, s[done:]...))
}

// find gives the next separator at or after i, and its length; 0 says that there is none.
func (c *Set) find(s string, i int, many bool) (at, n int) {
	bytes := &c.single
	if many {
		bytes = &c.run
	}
	for i < len(s) {
		n := 1
		switch bytes[s[i]] {
		case outside:
			i++
			continue
		case decode:
			var in bool
			if n, in = c.wide(s, i); !in {
				i += n
				continue
			}
		}
		if many {
			return i, c.skip(s, i+n) - i
		}
		return i, n
	}
	return 0, 0
}

// skip goes on to the first character that is not in the set.
func (c *Set) skip(s string, i int) int {
	for i < len(s) {
		switch c.run[s[i]] {
		case outside:
			return i
		case inside:
			i++
		default:
			n, in := c.wide(s, i)
			if !in {
				return i
			}
			i += n
		}
	}
	return i
}

// wide tells whether the character beyond ASCII at i is in the set, and how many bytes it has.
func (c *Set) wide(s string, i int) (n int, in bool) {
	r, n := utf8.DecodeRuneInString(s[i:])
	return n, c.runes.has(r)
}
