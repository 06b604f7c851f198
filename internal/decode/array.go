package decode

import (
	"fmt"

	"github.com/millrace/millrace/internal/row"
)

// maxElements bounds one array.
const maxElements = 1 << 20

// array reads a JSON array of scalars; null elements are NULL.
func (d *objects) array(b []byte, i int, s *slot, out *row.Value) int {
	if b[i] != '[' {
		return d.wrongType(b, i, s)
	}
	elem := slot{typ: s.typ.Elem(), path: s.path}
	list := []row.Value{}
	if i = space(b, i+1); i < len(b) && b[i] == ']' {
		*out = row.OfRef(list)
		return i + 1
	}
	for {
		v := row.NullValue
		if i >= len(b) {
			return d.broken(b, i, "want a value")
		}
		if b[i] == 'n' {
			i = d.literal(b, i, "null")
		} else {
			v = row.Value{}
			i = d.value(b, i, &elem, &v)
		}
		if i < 0 {
			return d.inElement(s, len(list))
		}
		if list = append(list, v); len(list) > maxElements {
			return d.fail(s.path, fmt.Sprintf("the array has more than %d elements", maxElements))
		}
		var end bool
		if i, end = d.comma(b, i, ']'); i < 0 {
			return i
		} else if end {
			*out = row.OfRef(list)
			return i
		}
	}
}

// inElement adds the element's number to the path of the error.
func (d *objects) inElement(s *slot, n int) int {
	if d.err.Path == s.path {
		d.err.Path = fmt.Sprintf("%s[%d]", s.path, n)
	}
	return -1
}
