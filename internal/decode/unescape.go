package decode

import (
	"unicode/utf16"
	"unicode/utf8"
)

// unescape reads a string that has escapes into the scratch arena; i is after its opening quote. It returns the text and the offset after
// the closing quote. With strict, the text must be one that Postgres can store (D3); names of fields need not be.
func (d *objects) unescape(b []byte, i int, strict bool) (s []byte, next int) {
	end := d.skipText(b, i)
	if end < 0 {
		return nil, end
	}
	src := b[i : end-1]
	out := d.scratch.Alloc(len(src))[:0] // an escape is longer than what it stands for
	for len(src) > 0 {
		n, _, plain := text(src, 0)
		out = append(out, src[:n]...)
		if plain {
			break
		}
		r, size := escaped(src[n:])
		if strict && r == 0 {
			return nil, d.fail("", noNUL)
		}
		if strict && utf16.IsSurrogate(r) {
			return nil, d.fail("", halfPair)
		}
		out = utf8.AppendRune(out, r)
		src = src[n+size:]
	}
	return out, end
}

// escaped gives the character of a valid escape and the escape's length. A pair of surrogates counts as one escape; half of one is
// returned as it is.
func escaped(b []byte) (r rune, size int) {
	switch b[1] {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		r, _ = hex4(b[2:])
		if utf16.IsSurrogate(r) && len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
			low, _ := hex4(b[8:])
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
		return r, 6
	}
	return rune(b[1]), 2
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
