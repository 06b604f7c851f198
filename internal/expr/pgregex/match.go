package pgregex

import (
	"strings"

	"github.com/millrace/millrace/internal/row"
)

// Match tells whether the pattern matches anywhere in s.
func (r *Regex) Match(s string) bool {
	if r.set != nil {
		_, n := r.set.find(s, 0, r.many)
		return n > 0
	}
	return r.re.MatchString(s)
}

// Replace puts the replacement, with \1 to \9, \& and \\, in the place of matches.
func (r *Regex) Replace(arena *row.Arena, s, to string, all bool) string {
	if r.set != nil && strings.IndexByte(to, '\\') < 0 {
		return r.set.replace(arena, s, to, all, r.many)
	}
	var out []byte
	done := 0
	r.each(s, func(m []int) bool {
		out = append(out, s[done:m[0]]...)
		out = expand(out, s, to, m)
		done = m[1]
		return all
	})
	if out == nil && done == 0 {
		return s
	}
	out = append(out, s[done:]...)
	kept := arena.Alloc(len(out))
	copy(kept, out)
	return row.String(kept)
}

func expand(out []byte, s, to string, m []int) []byte {
	for i := 0; i < len(to); i++ {
		if to[i] != '\\' || i+1 == len(to) {
			out = append(out, to[i])
			continue
		}
		i++
		var group int
		switch c := to[i]; {
		case c == '&':
			group = 0
		case c >= '1' && c <= '9':
			group = int(c - '0')
		case c == '\\':
			out = append(out, '\\')
			continue
		default:
			out = append(out, '\\', c)
			continue
		}
		if 2*group+1 < len(m) && m[2*group] >= 0 {
			out = append(out, s[m[2*group]:m[2*group+1]]...)
		}
	}
	return out
}

// each calls f for matches from left to right, as Postgres finds them: after a match the search goes on at its end, and one character
// later if it was empty. Go's own iteration leaves out an empty match that abuts a match; Postgres does not.
func (r *Regex) each(s string, f func(m []int) bool) {
	ms := r.re.FindAllStringSubmatchIndex(s, -1)
	for i, m := range ms {
		if !f(m) {
			return
		}
		if m[0] == m[1] || i+1 < len(ms) && ms[i+1][0] == m[1] {
			continue
		}
		if r.emptyInside && m[1] < len(s) || r.emptyAtEnd && m[1] == len(s) {
			if !f(r.empty(m[1])) {
				return
			}
		}
	}
}

// empty is an empty match at a place where nothing longer matches.
func (r *Regex) empty(at int) []int {
	m := make([]int, 2*(r.re.NumSubexp()+1))
	for i := range m {
		m[i] = -1
	}
	m[0], m[1] = at, at
	return m
}

// Split calls emit for the pieces of s between matches, leaving out empty matches at the ends and just after a match.
func (r *Regex) Split(s string, emit func(row.Value)) {
	if r.set != nil {
		r.set.Split(s, r.many, emit)
		return
	}
	start, last := 0, 0
	for _, m := range r.re.FindAllStringIndex(s, -1) {
		if m[0] < len(s) && m[1] > last {
			emit(row.Value{S: s[start:m[0]]})
			start = m[1]
		}
		last = m[1]
	}
	emit(row.Value{S: s[start:]})
}
