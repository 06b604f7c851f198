package decode

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// objects decodes JSON objects.
type objects struct {
	root    object
	slots   []slot // of the used fields
	stamps  []uint32
	record  uint32 // counts records; a stamp that equals it was set by this one
	found   int    // used fields found in this record
	lessons int    // how many texts may still be learned now; see guess
	scratch *row.Arena
	err     *Error
}

// object is what is wanted of one JSON object.
type object struct {
	path    string
	fields  []*field
	guesses []guess // in the order in which they were seen
}

// field is a used key of an object: it fills slots, or is an object itself, or both.
type field struct {
	name  string
	path  string
	slots []slot
	inner *object
	stamp uint32
}

// slot is a used column.
type slot struct {
	at       int
	typ      row.Type
	path     string
	required bool
}

func newObjects(s *plan.Source) (*objects, error) {
	d := &objects{lessons: maxLessons, stamps: make([]uint32, len(s.Fields))}
	for i, f := range s.Fields {
		col := s.Columns[i]
		if why := refused(col.Type); why != "" {
			return nil, fmt.Errorf("decode source %q: column %q: %s", s.Name, col.Name, why)
		}
		if len(f.Path) == 0 || len(f.Path) >= MaxDepth {
			return nil, fmt.Errorf("decode source %q: column %q: a path has 1 to %d names", s.Name, col.Name, MaxDepth-1)
		}
		if f.Used || f.Required {
			d.root.add(f.Path, slot{at: i, typ: col.Type, path: strings.Join(f.Path, "."), required: f.Required})
			d.slots = append(d.slots, slot{at: i, typ: col.Type, path: strings.Join(f.Path, "."), required: f.Required})
		}
	}
	return d, nil
}

// refused says why a JSON field cannot fill a column of the type, or "".
func refused(t row.Type) string {
	switch t.Elem() {
	case row.Bytea:
		return "bytea from JSON: not in this version; declare text and decode it with decode(column, 'base64')"
	case row.Unknown:
		return "a column needs a type"
	}
	return ""
}

// add wants a path below the object.
func (o *object) add(path []string, s slot) {
	name := path[0]
	i := slices.IndexFunc(o.fields, func(f *field) bool { return f.name == name })
	if i < 0 {
		f := &field{name: name, path: name}
		if o.path != "" {
			f.path = o.path + "." + name
		}
		o.fields = append(o.fields, f)
		i = len(o.fields) - 1
	}
	f := o.fields[i]
	if len(path) == 1 {
		f.slots = append(f.slots, s)
		return
	}
	if f.inner == nil {
		f.inner = &object{path: f.path}
	}
	f.inner.add(path[1:], s)
}

// field returns the used field of that name, or nil.
func (o *object) field(name []byte) *field {
	for _, f := range o.fields {
		if f.name == string(name) {
			return f
		}
	}
	return nil
}

// Decode reads one object.
func (d *objects) Decode(value []byte, out []row.Value, scratch *row.Arena) error {
	switch {
	case value == nil:
		return tombstone()
	case len(value) > MaxBytes:
		return tooLong(value)
	}
	d.begin(scratch)
	i := space(value, 0)
	if i >= len(value) || value[i] != '{' {
		return notObject(value, i)
	}
	if i = d.object(value, i+1, &d.root, 1, out); i >= 0 {
		if i = space(value, i); i < len(value) {
			i = d.broken(value, i, "something follows the object")
		}
	}
	if i < 0 {
		return d.err
	}
	if d.found < len(d.slots) {
		return d.missing(out)
	}
	return nil
}

func (d *objects) begin(scratch *row.Arena) {
	d.scratch, d.err, d.found = scratch, nil, 0
	d.record++
	if d.record == 0 { // after 2^32 records old stamps could look new
		clear(d.stamps)
		d.root.unstamp()
		d.record = 1
	}
	if d.record%recordsPerLesson == 0 && d.lessons < maxLessons {
		d.lessons++
	}
}

func (o *object) unstamp() {
	for _, f := range o.fields {
		f.stamp = 0
		if f.inner != nil {
			f.inner.unstamp()
		}
	}
}

// missing makes the fields NULL that were not there, or null.
func (d *objects) missing(out []row.Value) error {
	for i := range d.slots {
		s := &d.slots[i]
		if d.stamps[s.at] == d.record {
			continue
		}
		if s.required {
			return &Error{Path: s.path, Msg: "required, but missing or null"}
		}
		out[s.at] = row.NullValue
	}
	return nil
}

// set fills a slot's place in the count of those found.
func (d *objects) set(s *slot) {
	d.stamps[s.at] = d.record
	d.found++
}

func notObject(value []byte, i int) error {
	switch {
	case i >= len(value):
		return &Error{Msg: "want a JSON object, the value is empty"}
	case strings.HasPrefix(string(value[:min(3, len(value))]), "\xef\xbb\xbf"):
		return &Error{Msg: "want a JSON object, found a byte order mark before it"}
	}
	return &Error{Msg: "want a JSON object, found " + found(value[i])}
}
