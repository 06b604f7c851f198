package decode

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/internal/row"
)

// guess is a text that was seen before a field's value: from the end of the value before it (or the brace) to the value's first byte.
type guess struct {
	text  string
	first bool // right after the brace: it has no comma, and is valid only there
	field *field
}

// What learning may cost: a topic with ever new keys must not allocate for ever.
const (
	maxGuesses       = 64  // an object
	maxLessons       = 256 // in a row
	recordsPerLesson = 16  // then one for so many records
	maxText          = 128 // bytes of a text
	lookahead        = 4   // texts tried in order: fields that are left out now and then do not cost a lesson
)

// object reads members up to the closing brace; i is after the opening one. It returns the offset after the brace, or -1 with d.err set,
// as all methods here do.
func (d *objects) object(b []byte, i int, o *object, depth int, out []row.Value) int {
	if depth > MaxDepth {
		return d.tooDeep()
	}
	for next, first := 0, true; ; first = false {
		f, at := o.guess(b, i, &next, first)
		if at < 0 {
			var end bool
			if f, at, end = d.member(b, i, o, &next, first); end || at < 0 {
				return at
			}
		}
		if f == nil {
			i = d.skip(b, at, depth)
		} else {
			i = d.field(b, at, f, depth, out)
		}
		if i < 0 {
			return i
		}
		if i < len(b) && b[i] == '}' {
			return i + 1
		}
	}
}

// guess compares the texts that may come next. It returns the offset of the value, or -1 if none of them is there.
func (o *object) guess(b []byte, i int, next *int, first bool) (*field, int) {
	for k := *next; k < min(*next+lookahead, len(o.guesses)); k++ {
		g := &o.guesses[k]
		if n := i + len(g.text); n <= len(b) && g.first == first && string(b[i:n]) == g.text {
			*next = k + 1
			if n < len(b) && b[n] <= ' ' {
				n = space(b, n) // more of it than when the text was learned
			}
			return g.field, n
		}
	}
	return nil, -1
}

// member reads separator, key and colon the long way, and remembers them for the next record. end tells that the object has ended.
func (d *objects) member(b []byte, from int, o *object, next *int, first bool) (f *field, i int, end bool) {
	i = space(b, from)
	if i < len(b) && b[i] == '}' {
		return nil, i + 1, true
	}
	if !first {
		if i >= len(b) || b[i] != ',' {
			return nil, d.broken(b, i, "want ',' or '}'"), false
		}
		i = space(b, i+1)
	}
	if i >= len(b) || b[i] != '"' {
		return nil, d.broken(b, i, "want a field name in quotes"), false
	}
	name, i, plain := d.key(b, i+1)
	if i < 0 {
		return nil, i, false
	}
	if i = space(b, i); i >= len(b) || b[i] != ':' {
		return nil, d.broken(b, i, "want ':'"), false
	}
	i = space(b, i+1)
	f = o.field(name)
	if plain && i-from <= maxText {
		d.learn(o, next, b[from:i], first, f)
	}
	return f, i, false
}

// learn puts a text where it would have been looked for.
func (d *objects) learn(o *object, next *int, seen []byte, first bool, f *field) {
	if d.lessons == 0 {
		return
	}
	d.lessons--
	if len(o.guesses) >= maxGuesses {
		o.guesses, *next = o.guesses[:0], 0
	}
	o.guesses = slices.Insert(o.guesses, *next, guess{string(seen), first, f})
	*next++
}

// key reads a name; i is after its opening quote.
func (d *objects) key(b []byte, i int) (name []byte, end int, plain bool) {
	end, _, plain = text(b, i)
	if end >= len(b) || b[end] < ' ' {
		return nil, d.badText(b, end), false
	}
	if plain {
		return b[i:end], end + 1, true
	}
	name, end = d.unescape(b, i, false)
	return name, end, false
}

// field reads the value of a used field.
func (d *objects) field(b []byte, i int, f *field, depth int, out []row.Value) int {
	if f.stamp == d.record {
		return d.fail(f.path, "duplicate key")
	}
	f.stamp = d.record
	if i >= len(b) {
		return d.broken(b, i, "want a value")
	}
	if b[i] == 'n' {
		return d.literal(b, i, "null")
	}
	end := i
	for k := range f.slots {
		s := &f.slots[k]
		if end = d.value(b, i, s, &out[s.at]); end < 0 {
			return end
		}
		d.set(s)
	}
	if f.inner == nil {
		return end
	}
	if b[i] != '{' {
		return d.fail(f.path, "want object, found "+found(b[i]))
	}
	return d.object(b, i+1, f.inner, depth+1, out)
}

func (d *objects) fail(path, msg string) int {
	d.err = &Error{Path: path, Msg: msg}
	return -1
}

func (d *objects) tooDeep() int {
	return d.fail("", fmt.Sprintf("not valid JSON here: deeper than %d levels", MaxDepth))
}

// broken is an error of JSON's syntax.
func (d *objects) broken(b []byte, i int, msg string) int {
	if i >= len(b) {
		return d.fail("", fmt.Sprintf("not valid JSON: %s, the value ends at byte %d", msg, len(b)))
	}
	return d.fail("", fmt.Sprintf("not valid JSON at byte %d: %s", i, msg))
}
