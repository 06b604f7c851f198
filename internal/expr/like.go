package expr

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/millrace/millrace/internal/row"
)

// likes is [NOT] LIKE and ILIKE. A constant pattern that is a plain prefix, suffix, part or the whole is matched as such.
func likes(fold, not bool) builder {
	return func(n *node, a []*node) {
		p, ok := a[1].isConst()
		if ok && !fold {
			if match := plainLike(p.S); match != nil {
				x := a[0].text
				n.boolean = func(e *Env) (bool, bool) { s, null := x(e); return match(s) != not, null }
				return
			}
		}
		try2(func(_ *Env, s, p string) (bool, error) {
			ok, err := like(s, p, fold)
			return ok != not, err
		})(n, a)
		if ok && checkPattern(p.S) == nil {
			n.fallible = a[0].fallible
		}
	}
}

// plainLike returns the matcher of a pattern whose only wildcards are % at its ends.
func plainLike(p string) func(string) bool {
	body := strings.Trim(p, "%")
	if strings.ContainsAny(body, `%_\`) || strings.HasSuffix(p, `\%`) {
		return nil
	}
	front, back := strings.HasPrefix(p, "%"), strings.HasSuffix(p, "%")
	switch {
	case front && back:
		return func(s string) bool { return strings.Contains(s, body) }
	case front:
		return func(s string) bool { return strings.HasSuffix(s, body) }
	case back:
		return func(s string) bool { return strings.HasPrefix(s, body) }
	}
	return func(s string) bool { return s == body }
}

var errTrailingEscape = errors.New("LIKE pattern must not end with escape character")

func checkPattern(p string) error {
	for i := 0; i < len(p); i++ {
		if p[i] == '\\' {
			if i++; i == len(p) {
				return errTrailingEscape
			}
		}
	}
	return nil
}

// like matches greedily and goes back to the last % only: what an earlier one could take, the last one can as well.
func like(s, p string, fold bool) (bool, error) {
	backS, backP := "", ""
	retry := false
	for {
		switch {
		case p == "" && s == "":
			return true, nil
		case p != "" && p[0] == '%':
			p = p[1:]
			backS, backP, retry = s, p, true
			continue
		case p == `\` && s != "":
			return false, errTrailingEscape
		case p != "" && s != "":
			if sn, pn, ok := likeChar(s, p, fold); ok {
				s, p = s[sn:], p[pn:]
				continue
			}
		}
		if !retry || backS == "" {
			return false, nil
		}
		backS = backS[runeLen(backS):]
		s, p = backS, backP
	}
}

func runeLen(s string) int {
	if s[0] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(s)
	return n
}

// likeChar matches one character against one element of the pattern.
func likeChar(s, p string, fold bool) (sn, pn int, ok bool) {
	sn = runeLen(s)
	if p[0] == '_' {
		return sn, 1, true
	}
	if p[0] == '\\' {
		pn, p = 1, p[1:]
	}
	k := runeLen(p)
	if s[:sn] == p[:k] {
		return sn, pn + k, true
	}
	if !fold {
		return 0, 0, false
	}
	a, _ := utf8.DecodeRuneInString(s)
	b, _ := utf8.DecodeRuneInString(p)
	return sn, pn + k, unicode.ToLower(a) == unicode.ToLower(b)
}

// likeEscape rewrites a pattern with another escape character to one with a backslash.
func likeEscape(e *Env, p, esc string) (string, error) {
	if utf8.RuneCountInString(esc) > 1 {
		return "", errors.New("invalid escape string")
	}
	if esc == `\` {
		return p, nil
	}
	out := e.Scratch.Alloc(2 * len(p))[:0]
	for i := 0; i < len(p); {
		switch {
		case esc != "" && strings.HasPrefix(p[i:], esc):
			out = append(out, '\\')
			if i += len(esc); i < len(p) {
				n := runeLen(p[i:])
				out = append(out, p[i:i+n]...)
				i += n
			}
			continue
		case p[i] == '\\':
			out = append(out, '\\')
		}
		out = append(out, p[i])
		i++
	}
	return row.String(out), nil
}
