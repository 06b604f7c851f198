package syntax

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// str reads a string constant that starts at start, its quote at l.at. Strings on following lines are joined, as the standard says.
func (l *lexer) str(start int, escapes bool) *Error {
	var text strings.Builder
	for {
		part, err := l.part(start, escapes)
		if err != nil {
			return err
		}
		text.WriteString(part)
		end := l.at
		if err := l.space(); err != nil {
			return err
		}
		if l.at < len(l.src) && l.src[l.at] == '\'' && strings.Contains(l.src[end:l.at], "\n") {
			continue
		}
		l.at = end
		l.emit(tString, start, text.String())
		return nil
	}
}

func (l *lexer) part(start int, escapes bool) (string, *Error) {
	unterminated := &Error{Span{start, len(l.src)}, "unterminated quoted string", "close it with ', and write '' for a quote inside"}
	if !escapes {
		text, ok := l.until('\'')
		if !ok {
			return "", unterminated
		}
		return text, nil
	}
	var b []byte
	for l.at++; l.at < len(l.src); {
		switch c := l.src[l.at]; {
		case c == '\'' && strings.HasPrefix(l.src[l.at:], "''"):
			b, l.at = append(b, c), l.at+2
		case c == '\'':
			l.at++
			if !utf8.Valid(b) || strings.IndexByte(string(b), 0) >= 0 {
				return "", &Error{Span{start, l.at}, "invalid byte sequence for encoding \"UTF8\"", "write the character itself, or \\uXXXX"}
			}
			return string(b), nil
		case c == '\\' && l.at+1 < len(l.src):
			var err *Error
			if b, err = l.escape(b); err != nil {
				return "", err
			}
		default:
			b, l.at = append(b, c), l.at+1
		}
	}
	return "", unterminated
}

var simpleEscapes = map[byte]byte{'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}

// escape undoes one backslash escape of E'…'.
func (l *lexer) escape(b []byte) ([]byte, *Error) {
	start, c := l.at, l.src[l.at+1]
	l.at += 2
	switch {
	case simpleEscapes[c] != 0:
		return append(b, simpleEscapes[c]), nil
	case c == 'x':
		if n := l.run(2, "0123456789abcdefABCDEF"); n > 0 {
			v, _ := strconv.ParseUint(l.src[l.at-n:l.at], 16, 8) // two hex digits always fit
			return append(b, byte(v)), nil
		}
	case c >= '0' && c <= '7':
		l.at--
		n := l.run(3, "01234567")
		v, _ := strconv.ParseUint(l.src[l.at-n:l.at], 8, 16) // three octal digits always fit
		return append(b, byte(v)), nil
	case c == 'u' || c == 'U':
		want := map[byte]int{'u': 4, 'U': 8}[c]
		n := l.run(want, "0123456789abcdefABCDEF")
		v, err := strconv.ParseUint(l.src[l.at-n:l.at], 16, 32)
		if n != want || err != nil || v == 0 || !utf8.ValidRune(rune(v)) {
			return nil, &Error{Span{start, l.at}, "invalid Unicode escape", "write \\uXXXX or \\UXXXXXXXX"}
		}
		return utf8.AppendRune(b, rune(v)), nil
	}
	return append(b, c), nil
}

// run advances over at most limit bytes of a set and says how many.
func (l *lexer) run(limit int, set string) int {
	n := 0
	for n < limit && l.at < len(l.src) && strings.IndexByte(set, l.src[l.at]) >= 0 {
		n++
		l.at++
	}
	return n
}

// dollar reads $tag$ … $tag$.
func (l *lexer) dollar() *Error {
	start := l.at
	n := strings.IndexByte(l.src[start+1:], '$')
	if n < 0 || n > 0 && !isTag(l.src[start+1:start+1+n]) {
		return &Error{Span{start, start + 1}, "syntax error at or near \"$\"", "there are no parameters in expressions; quote text as 'text'"}
	}
	tag := l.src[start : start+n+2]
	body := l.src[start+len(tag):]
	end := strings.Index(body, tag)
	if end < 0 {
		return &Error{Span{start, len(l.src)}, "unterminated dollar-quoted string", "close it with " + tag}
	}
	l.at = start + len(tag) + end + len(tag)
	l.emit(tString, start, body[:end])
	return nil
}

func isTag(s string) bool {
	for i := range len(s) {
		if !isIdent(s[i]) || s[i] == '$' || i == 0 && isDigit(s[i]) {
			return false
		}
	}
	return true
}
