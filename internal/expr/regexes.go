package expr

import (
	"strings"

	"github.com/millrace/millrace/internal/expr/pgregex"
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
func pattern(n *node, p *node, flags *node, fixed string, exact bool) func(*Env) (*pgregex.Regex, bool) {
	flag := func(*Env) (string, bool) { return fixed, false }
	if flags != nil {
		flag = flags.text
	}
	c, ok := p.isConst()
	if ok && (flags == nil || flags.folded && !flags.val.Null) {
		f, _ := flag(&Env{})
		r, err := pgregex.Compile(c.S, f)
		if err != nil {
			n.refuse(err)
			r = &pgregex.Regex{}
		}
		if exact && r.Lazy {
			n.refuse(pgregex.ErrLazy)
		}
		return func(*Env) (*pgregex.Regex, bool) { return r, false }
	}
	n.fallible = true
	return func(e *Env) (*pgregex.Regex, bool) {
		s, null := p.text(e)
		f, fNull := flag(e)
		if null || fNull {
			return nil, true
		}
		r, err := pgregex.Compile(s, f)
		if err == nil && exact && r.Lazy {
			err = pgregex.ErrLazy
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

func matcher(x func(*Env) (string, bool), p func(*Env) (*pgregex.Regex, bool), not bool) func(*Env) (bool, bool) {
	return func(e *Env) (bool, bool) {
		s, sNull := x(e)
		r, rNull := p(e)
		if sNull || rNull {
			return false, true
		}
		return r.Match(s) != not, false
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
		return r.Replace(&e.Scratch, s, t, strings.Contains(f, "g")), false
	}
}

func regexSplit(n *node, a []*node) {
	x, p := a[0].text, pattern(n, a[1], optional(a, 2), "", true)
	streamed(n, func(e *Env, emit func(row.Value)) bool {
		s, sNull := x(e)
		r, rNull := p(e)
		if sNull || rNull {
			return true
		}
		r.Split(s, emit)
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
		streamed(n, splitAt(x, pgregex.OneByte(c.S[0])))
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
func splitAt(x func(*Env) (string, bool), set *pgregex.Set) func(*Env, func(row.Value)) bool {
	return func(e *Env, emit func(row.Value)) bool {
		s, null := x(e)
		if !null && s != "" {
			set.Split(s, false, emit)
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
