package expr

import (
	"strings"
	"unicode/utf8"

	"github.com/millrace/millrace/internal/row"
)

var regexOperators = table{
	"~":   {sig(matches("", false), tText, tText, tBool)},
	"~*":  {sig(matches("i", false), tText, tText, tBool)},
	"!~":  {sig(matches("", true), tText, tText, tBool)},
	"!~*": {sig(matches("i", true), tText, tText, tBool)},
}

var regexFunctions = table{
	"regexp_replace": {
		sig(regexReplace, tText, tText, tText, tText), sig(regexReplace, tText, tText, tText, tText, tText),
		refused("use the form with flags", tText, tText, tText, tInt4, tText), refused("use the form with flags", tText, tText, tText, tInt4, tInt4, tText),
	},
	"regexp_like":           {sig(regexLike, tText, tText, tBool), sig(regexLike, tText, tText, tText, tBool)},
	"regexp_split_to_array": {sig(regexSplit, tText, tText, row.ArrayOf(tText)), sig(regexSplit, tText, tText, tText, row.ArrayOf(tText))},
	"string_to_array":       lax(sig(stringSplit, tText, tText, row.ArrayOf(tText)), sig(stringSplit, tText, tText, tText, row.ArrayOf(tText))),
}

// pattern gives the compiled pattern of a call: compiled once if it and its flags are constant, else for every row.
// exact says that the length of a match counts: there non-greedy quantifiers are refused, because matching is leftmost-longest.
func pattern(n *node, p *node, flags *node, fixed string, exact bool) func(*Env) (*regex, bool) {
	flag := func(*Env) (string, bool) { return fixed, false }
	if flags != nil {
		flag = flags.text
	}
	c, ok := p.isConst()
	if ok && (flags == nil || flags.folded && !flags.val.Null) {
		f, _ := flag(&Env{})
		r, err := translate(c.S, f)
		if err != nil {
			n.refuse(err)
			r = &regex{}
		}
		if exact && r.lazy {
			n.refuse(errLazy)
		}
		return func(*Env) (*regex, bool) { return r, false }
	}
	n.fallible = true
	return func(e *Env) (*regex, bool) {
		s, null := p.text(e)
		f, fNull := flag(e)
		if null || fNull {
			return nil, true
		}
		r, err := translate(s, f)
		if err == nil && exact && r.lazy {
			err = errLazy
		}
		if err != nil {
			e.Fail(err)
		}
		return r, err != nil
	}
}

func matches(flags string, not bool) builder {
	return func(n *node, a []*node) {
		x, p := a[0].text, pattern(n, a[1], nil, flags, false)
		n.boolean = matcher(x, p, not)
	}
}

func regexLike(n *node, a []*node) {
	n.boolean = matcher(a[0].text, pattern(n, a[1], optional(a, 2), "", false), false)
}

func optional(a []*node, i int) *node {
	if i < len(a) {
		return a[i]
	}
	return nil
}

func matcher(x func(*Env) (string, bool), p func(*Env) (*regex, bool), not bool) func(*Env) (bool, bool) {
	return func(e *Env) (bool, bool) {
		s, sNull := x(e)
		r, rNull := p(e)
		if sNull || rNull {
			return false, true
		}
		return r.match(s) != not, false
	}
}

// regexReplace replaces the first match, or all with the flag g.
func regexReplace(n *node, a []*node) {
	flags := optional(a, 3)
	x, p, to := a[0].text, pattern(n, a[1], flags, "", true), a[2].text
	all := func(*Env) (string, bool) { return "", false }
	if flags != nil {
		all = flags.text
	}
	n.text = func(e *Env) (string, bool) {
		s, sNull := x(e)
		t, tNull := to(e)
		r, rNull := p(e)
		f, fNull := all(e)
		if sNull || tNull || rNull || fNull {
			return "", true
		}
		return r.replace(e, s, t, strings.Contains(f, "g")), false
	}
}

func (r *regex) match(s string) bool {
	if r.set != nil {
		_, n := r.set.find(s, 0, r.many)
		return n > 0
	}
	return r.re.MatchString(s)
}

// replace puts the replacement, with \1 to \9, \& and \\, in the place of matches.
func (r *regex) replace(e *Env, s, to string, all bool) string {
	if r.set != nil && strings.IndexByte(to, '\\') < 0 {
		return r.set.replace(e, s, to, all, r.many)
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
	return keep(e, append(out, s[done:]...))
}

func expand(out []byte, s, to string, m []int) []byte {
	for i := 0; i < len(to); i++ {
		if to[i] != '\\' || i+1 == len(to) {
			out = append(out, to[i])
			continue
		}
		i++
		group := -1
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
func (r *regex) each(s string, f func(m []int) bool) {
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
func (r *regex) empty(at int) []int {
	m := make([]int, 2*(r.re.NumSubexp()+1))
	for i := range m {
		m[i] = -1
	}
	m[0], m[1] = at, at
	return m
}

// splitEach calls emit for the pieces of s between matches, leaving out empty matches at the ends and just after a match.
func (r *regex) splitEach(s string, emit func(row.Value)) {
	if r.set != nil {
		r.set.split(s, r.many, emit)
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

// split cuts at characters of the set, a run of them being one separator if many is set. This is the hottest loop of a word count: one
// look into a table for every byte, and no call but emit.
func (c *charSet) split(s string, many bool, emit func(row.Value)) {
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
func (c *charSet) replace(e *Env, s, to string, all, many bool) string {
	at, n := c.find(s, 0, many)
	if n == 0 {
		return s
	}
	out, done := e.Scratch.Alloc(len(s) + len(to))[:0], 0
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
func (c *charSet) find(s string, i int, many bool) (at, n int) {
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
func (c *charSet) skip(s string, i int) int {
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
func (c *charSet) wide(s string, i int) (n int, in bool) {
	r, n := utf8.DecodeRuneInString(s[i:])
	return n, c.runes.has(r)
}

func regexSplit(n *node, a []*node) {
	x, p := a[0].text, pattern(n, a[1], optional(a, 2), "", true)
	streamed(n, func(e *Env, emit func(row.Value)) bool {
		s, sNull := x(e)
		r, rNull := p(e)
		if sNull || rNull {
			return true
		}
		r.splitEach(s, emit)
		return false
	})
}

// streamed sets both forms of an array that is made element by element.
func streamed(n *node, each func(*Env, func(row.Value)) bool) {
	n.each = each
	set(n, func(e *Env) ([]row.Value, bool) {
		out := []row.Value{}
		if each(e, func(v row.Value) { out = append(out, v) }) {
			return nil, true
		}
		return out, false
	})
}

// stringSplit is string_to_array: a NULL separator splits into characters, an empty one does not split; pieces equal to the third argument
// are NULL.
func stringSplit(n *node, a []*node) {
	x, sep := a[0].text, a[1].text
	if c, ok := a[1].isConst(); ok && len(a) == 2 && len(c.S) == 1 {
		streamed(n, splitAt(x, newCharSet(runes{{rune(c.S[0]), rune(c.S[0])}})))
		return
	}
	null := func(*Env) (string, bool) { return "", true }
	if len(a) == 3 {
		null = a[2].text
	}
	streamed(n, func(e *Env, emit func(row.Value)) bool {
		s, sNull := x(e)
		if sNull {
			return true
		}
		d, chars := sep(e)
		none, keepAll := null(e)
		if !keepAll {
			emit = nullEqual(none, emit)
		}
		splitString(s, d, chars, emit)
		return false
	})
}

// splitAt cuts at single characters of a set; unlike a regular expression's, the pieces of an empty text are none.
func splitAt(x func(*Env) (string, bool), set *charSet) func(*Env, func(row.Value)) bool {
	return func(e *Env, emit func(row.Value)) bool {
		s, null := x(e)
		if !null && s != "" {
			set.split(s, false, emit)
		}
		return null
	}
}

// nullEqual emits NULL for pieces that equal a text.
func nullEqual(none string, emit func(row.Value)) func(row.Value) {
	return func(v row.Value) {
		if v.S == none {
			v = row.NullValue
		}
		emit(v)
	}
}

func splitString(s, sep string, chars bool, emit func(row.Value)) {
	switch {
	case s == "":
		return
	case chars:
		for i := 0; i < len(s); {
			n := runeLen(s[i:])
			emit(row.Value{S: s[i : i+n]})
			i += n
		}
		return
	case sep == "":
		emit(row.Value{S: s})
		return
	}
	for {
		i := strings.Index(s, sep)
		if i < 0 {
			emit(row.Value{S: s})
			return
		}
		emit(row.Value{S: s[:i]})
		s = s[i+len(sep):]
	}
}
