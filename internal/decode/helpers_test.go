package decode

import (
	"maps"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// source makes a JSON source of used fields, in the order of their names; a name with dots is a path, "!" after it makes it required.
func source(fields map[string]any) *plan.Source {
	s := &plan.Source{Name: "s", Format: plan.JSON}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		path, required := strings.CutSuffix(name, "!")
		s.Columns = append(s.Columns, row.Column{Name: path, Type: fields[name].(row.Type)})
		s.Fields = append(s.Fields, plan.Field{Path: strings.Split(path, "."), Used: true, Required: required})
	}
	return s
}

// one decodes a value with one used field.
func one(field string, t row.Type, value string) (row.Value, error) {
	d, err := New(source(map[string]any{field: t}))
	if err != nil {
		return row.Value{}, err
	}
	out := make([]row.Value, 1)
	err = d.Decode([]byte(value), out, new(row.Arena))
	return out[0], err
}
