package decode

import (
	"encoding/binary"
	"math/bits"
)

// Eight bytes at a time: each constant repeats a byte. (x - ones) &^ x & highs has the high bit of every byte of x that is 0, and perhaps of
// bytes after the first such one; the lowest bit set is exact, and only that is used.
const (
	ones       = 0x0101010101010101
	highs      = 0x8080808080808080
	quotes     = 0x2222222222222222
	backslash  = 0x5c5c5c5c5c5c5c5c
	firstPrint = 0x2020202020202020
)

// text looks for the end of a string from i on: its closing quote, or the first control character, or len(b). ascii and plain tell
// that there was no byte above 0x7f and no backslash before it; it stops at the first backslash too.
func text(b []byte, i int) (end int, ascii, plain bool) {
	high := uint64(0)
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		q, s := w^quotes, w^backslash
		if m := ((q-ones)&^q | (s-ones)&^s | (w-firstPrint)&^w) & highs; m != 0 {
			k := bits.TrailingZeros64(m) >> 3
			high |= w & (1<<(8*k) - 1)
			i += k
			return i, high&highs == 0, b[i] != '\\'
		}
		high |= w
	}
	for ; i < len(b); i++ {
		c := b[i]
		if c == '"' || c == '\\' || c < ' ' {
			return i, high&highs == 0, c != '\\'
		}
		high |= uint64(c)
	}
	return i, high&highs == 0, true
}

// space passes over white space.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// skip passes over a value that nobody wants; it is checked all the same (D1).
func (d *objects) skip(b []byte, i, depth int) int {
	if i >= len(b) {
		return d.broken(b, i, "want a value")
	}
	switch c := b[i]; {
	case c == '"':
		return d.skipText(b, i+1)
	case c == '-' || c-'0' <= 9:
		end, _ := number(b, i)
		if end < 0 {
			return d.broken(b, i, "want a number")
		}
		return end
	case c == '{':
		return d.skipObject(b, i+1, depth+1)
	case c == '[':
		return d.skipArray(b, i+1, depth+1)
	case c == 't':
		return d.literal(b, i, "true")
	case c == 'f':
		return d.literal(b, i, "false")
	case c == 'n':
		return d.literal(b, i, "null")
	}
	return d.broken(b, i, "want a value")
}

func (d *objects) literal(b []byte, i int, word string) int {
	if n := i + len(word); n <= len(b) && string(b[i:n]) == word {
		return n
	}
	return d.broken(b, i, "want a value")
}

func (d *objects) skipText(b []byte, i int) int {
	for {
		end, _, plain := text(b, i)
		switch {
		case !plain:
			n := escapeLen(b[end:])
			if n == 0 {
				return d.broken(b, end, "an escape that JSON does not have")
			}
			i = end + n
		case end < len(b) && b[end] == '"':
			return end + 1
		default:
			return d.badText(b, end)
		}
	}
}

// badText tells what ended a string that has no closing quote.
func (d *objects) badText(b []byte, i int) int {
	if i < len(b) {
		return d.broken(b, i, "a control character in a string")
	}
	return d.broken(b, i, "want '\"'")
}

// escapeLen is the length of the escape that b begins with, 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

func (d *objects) skipArray(b []byte, i, depth int) int {
	if depth > MaxDepth {
		return d.tooDeep()
	}
	if i = space(b, i); i < len(b) && b[i] == ']' {
		return i + 1
	}
	for {
		if i = d.skip(b, i, depth); i < 0 {
			return i
		}
		var end bool
		if i, end = d.comma(b, i, ']'); end || i < 0 {
			return i
		}
	}
}

func (d *objects) skipObject(b []byte, i, depth int) int {
	if depth > MaxDepth {
		return d.tooDeep()
	}
	if i = space(b, i); i < len(b) && b[i] == '}' {
		return i + 1
	}
	for {
		if i >= len(b) || b[i] != '"' {
			return d.broken(b, i, "want a field name in quotes")
		}
		if i = d.skipText(b, i+1); i < 0 {
			return i
		}
		if i = space(b, i); i >= len(b) || b[i] != ':' {
			return d.broken(b, i, "want ':'")
		}
		if i = d.skip(b, space(b, i+1), depth); i < 0 {
			return i
		}
		var end bool
		if i, end = d.comma(b, i, '}'); end || i < 0 {
			return i
		}
	}
}

// comma reads what follows an element: a comma, or the closing bracket.
func (d *objects) comma(b []byte, i int, closing byte) (next int, end bool) {
	i = space(b, i)
	switch {
	case i < len(b) && b[i] == ',':
		return space(b, i+1), false
	case i < len(b) && b[i] == closing:
		return i + 1, true
	}
	return d.broken(b, i, "want ',' or '"+string(rune(closing))+"'"), false
}

// number finds the end of a number by RFC 8259's grammar, -1 if there is none. whole tells that it has neither fraction nor exponent.
func number(b []byte, i int) (end int, whole bool) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	from := i
	if i = digits(b, i); i == from || b[from] == '0' && i > from+1 {
		return -1, false
	}
	whole = true
	if i < len(b) && b[i] == '.' {
		from = i + 1
		if i = digits(b, from); i == from {
			return -1, false
		}
		whole = false
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		from = i
		if i = digits(b, from); i == from {
			return -1, false
		}
		whole = false
	}
	return i, whole
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}
