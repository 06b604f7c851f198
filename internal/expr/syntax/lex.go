package syntax

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

type kind uint8

const (
	tEOF kind = iota
	tIdent
	tQuoted // "Name"
	tNumber
	tString
	tOp // an operator or a punctuation mark
)

type token struct {
	Span
	kind kind
	text string // identifiers in lower case, strings with escapes undone
}

type lexer struct {
	src  string
	at   int
	toks []token
}

// lex cuts a source into tokens; the last one is tEOF.
func lex(src string) ([]token, *Error) {
	if len(src) > MaxSource {
		return nil, &Error{Span{0, len(src)}, fmt.Sprintf("expression is longer than %d bytes", MaxSource), "split it over several columns"}
	}
	if i := invalidUTF8(src); i >= 0 {
		return nil, &Error{Span{i, i + 1}, "invalid byte sequence for encoding \"UTF8\"", "save the file as UTF-8"}
	}
	l := &lexer{src: src}
	for {
		if err := l.space(); err != nil {
			return nil, err
		}
		if l.at >= len(src) {
			l.toks = append(l.toks, token{Span{len(src), len(src)}, tEOF, ""})
			return l.toks, nil
		}
		if err := l.next(); err != nil {
			return nil, err
		}
	}
}

func invalidUTF8(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
		if r == 0 {
			return i
		}
	}
	return -1
}

// space skips blanks and both kinds of comments.
func (l *lexer) space() *Error {
	for l.at < len(l.src) {
		rest := l.src[l.at:]
		switch {
		case strings.IndexByte(" \t\r\n\f", rest[0]) >= 0:
			l.at++
		case strings.HasPrefix(rest, "--"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			l.at += n
		case strings.HasPrefix(rest, "/*"):
			if err := l.comment(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

// comment skips one block comment; they nest, as in Postgres.
func (l *lexer) comment() *Error {
	start, depth := l.at, 0
	for l.at < len(l.src) {
		rest := l.src[l.at:]
		switch {
		case strings.HasPrefix(rest, "/*"):
			depth++
			l.at += 2
		case strings.HasPrefix(rest, "*/"):
			depth--
			l.at += 2
			if depth == 0 {
				return nil
			}
		default:
			l.at++
		}
	}
	return &Error{Span{start, len(l.src)}, "unterminated /* comment", "close it with */"}
}

func (l *lexer) emit(k kind, start int, text string) {
	l.toks = append(l.toks, token{Span{start, l.at}, k, text})
}

func (l *lexer) next() *Error {
	c, start := l.src[l.at], l.at
	switch {
	case c == '\'':
		return l.str(start, false)
	case (c == 'e' || c == 'E') && strings.HasPrefix(l.src[l.at+1:], "'"):
		l.at++
		return l.str(start, true)
	case c == '"':
		return l.quoted()
	case c == '$':
		return l.dollar()
	case isDigit(c) || c == '.' && l.at+1 < len(l.src) && isDigit(l.src[l.at+1]):
		return l.number()
	case isIdentStart(c):
		for l.at < len(l.src) && isIdent(l.src[l.at]) {
			l.at++
		}
		l.emit(tIdent, start, asciiLower(l.src[start:l.at]))
		return nil
	}
	return l.operator()
}

func isDigit(c byte) bool      { return c >= '0' && c <= '9' }
func isIdentStart(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }
func isIdent(c byte) bool      { return isIdentStart(c) || isDigit(c) || c == '$' }

// asciiLower folds as Postgres does for unquoted names in UTF-8: ASCII letters only.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 0x20
		}
	}
	return string(b)
}

func (l *lexer) number() *Error {
	start := l.at
	digits := func() {
		for l.at < len(l.src) && isDigit(l.src[l.at]) {
			l.at++
		}
	}
	digits()
	if l.at < len(l.src) && l.src[l.at] == '.' {
		l.at++
		digits()
	}
	if l.at < len(l.src) && l.src[l.at]|0x20 == 'e' {
		mark := l.at
		l.at++
		if l.at < len(l.src) && (l.src[l.at] == '+' || l.src[l.at] == '-') {
			l.at++
		}
		if l.at < len(l.src) && isDigit(l.src[l.at]) {
			digits()
		} else {
			l.at = mark
		}
	}
	if l.at < len(l.src) && isIdentStart(l.src[l.at]) {
		return &Error{Span{start, l.at + 1}, fmt.Sprintf("trailing junk after numeric literal at or near %q", l.src[start:l.at+1]), "separate them by a space or an operator"}
	}
	l.emit(tNumber, start, l.src[start:l.at])
	return nil
}

func (l *lexer) quoted() *Error {
	start := l.at
	text, ok := l.until('"')
	switch {
	case !ok:
		return &Error{Span{start, len(l.src)}, "unterminated quoted identifier", `close it with "`}
	case text == "":
		return &Error{Span{start, l.at}, "zero-length delimited identifier", "write a column's name"}
	}
	l.emit(tQuoted, start, text)
	return nil
}

// until reads from a quote at l.at to its end, doubled quotes standing for one.
func (l *lexer) until(quote byte) (string, bool) {
	var b strings.Builder
	for l.at++; l.at < len(l.src); l.at++ {
		if c := l.src[l.at]; c != quote {
			b.WriteByte(c)
			continue
		}
		if l.at+1 >= len(l.src) || l.src[l.at+1] != quote {
			l.at++
			return b.String(), true
		}
		l.at++
		b.WriteByte(quote)
	}
	return "", false
}

const operatorChars = "+-*/<>=~!@#%^&|`?"

// operator reads the longest run of operator characters that Postgres would take as one operator.
func (l *lexer) operator() *Error {
	start := l.at
	if strings.HasPrefix(l.src[start:], "::") {
		l.at += 2
		l.emit(tOp, start, "::")
		return nil
	}
	if strings.IndexByte("()[],.:;", l.src[start]) >= 0 {
		l.at++
		l.emit(tOp, start, l.src[start:l.at])
		return nil
	}
	n := 0
	for start+n < len(l.src) && strings.IndexByte(operatorChars, l.src[start+n]) >= 0 {
		if n > 0 && (strings.HasPrefix(l.src[start+n:], "--") || strings.HasPrefix(l.src[start+n:], "/*")) {
			break
		}
		n++
	}
	if n == 0 {
		_, size := utf8.DecodeRuneInString(l.src[start:])
		return &Error{Span{start, start + size}, fmt.Sprintf("syntax error at or near %q", l.src[start:start+size]), "remove it"}
	}
	// A trailing + or - belongs to the next token unless the operator has one of ~!@#%^&|`? in it: `a*-1`.
	for n > 1 && strings.IndexByte("+-", l.src[start+n-1]) >= 0 && !strings.ContainsAny(l.src[start:start+n-1], "~!@#%^&|`?") {
		n--
	}
	l.at += n
	l.emit(tOp, start, l.src[start:l.at])
	return nil
}
