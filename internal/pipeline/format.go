package pipeline

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

var (
	formatNames  = []string{"json", "text", "bytes"}
	laterFormats = []string{"csv", "avro", "protobuf", "debezium"}
	fieldKeys    = keys{known: []string{"type", "path", "required"}}
	laterTypes   = []string{"json", "jsonb", "uuid", "time", "timetz", "real", "float4", "char"}
)

// format reads `format:` and tells whether the source's columns are known then.
func format(v value, src *plan.Source) bool {
	if v.node.Kind == yaml.ScalarNode {
		return plainFormat(v, src)
	}
	m, ok := v.mapping("text, bytes or json: {column: type}", keys{known: formatNames, later: laterFormats})
	if !ok || len(m.entries) != 1 {
		if ok && len(v.node.Content) != 2 {
			v.fail("", "want one format, found %d", len(v.node.Content)/2)
		}
		return false
	}
	e := m.entries[0]
	if e.name != "json" {
		e.key.fail("write format: "+e.name, "%s takes no settings", e.name)
		return false
	}
	src.Format = plan.JSON
	return jsonFields(e.value, src)
}

func plainFormat(v value, src *plan.Source) bool {
	name, ok := v.word("text, bytes or json: {column: type}")
	switch {
	case !ok:
	case slices.Contains(laterFormats, name):
		v.later(name)
	case name == "json":
		v.fail("name its columns: json: {id: bigint}", "json needs columns")
	case name == "text":
		src.Format = plan.Text
		return oneValue(src, row.Text)
	case name == "bytes":
		src.Format = plan.Bytes
		return oneValue(src, row.Bytea)
	default:
		v.fail(didYouMean(name, formatNames), "unknown format %q", name)
	}
	return false
}

func oneValue(src *plan.Source, t row.Type) bool {
	src.Columns = []row.Column{{Name: "value", Type: t}}
	src.Fields = []plan.Field{{}}
	return true
}

func jsonFields(v value, src *plan.Source) bool {
	m, ok := v.open("columns: name: type")
	if ok && len(m.entries) == 0 {
		v.fail("", "json names no columns")
		return false
	}
	for _, e := range m.entries {
		named := columnNamed(e)
		col, field, good := jsonField(e)
		src.Columns, src.Fields = append(src.Columns, col), append(src.Fields, field)
		ok = ok && named && good
	}
	return ok
}

// jsonField reads `name: type` or `name: {type, path, required}`.
func jsonField(e entry) (row.Column, plan.Field, bool) {
	col, field := row.Column{Name: e.name}, plan.Field{Path: []string{e.name}}
	if e.node.Kind == yaml.ScalarNode {
		t, ok := columnType(e.value)
		col.Type = t
		return col, field, ok
	}
	m, ok := e.mapping("a type, or {type, path, required}", fieldKeys)
	if !ok {
		return col, field, false
	}
	t, good := m.need("type", "type: text")
	if good {
		col.Type, good = columnType(t)
	}
	if v, ok := m.get("path"); ok {
		field.Path, ok = jsonPath(v)
		good = good && ok
	}
	if v, ok := m.get("required"); ok {
		field.Required = v.boolean()
		field.Used = field.Required // it has to be decoded to be checked
	}
	return col, field, good
}

// columnType reads a type's name as SQL writes it.
func columnType(v value) (row.Type, bool) {
	s, ok := v.word("a type such as text or bigint")
	if !ok {
		return row.Unknown, false
	}
	name := strings.ToLower(strings.Join(strings.Fields(s), " "))
	if t, ok := row.ParseType(name); ok {
		return t, true
	}
	base, modifier, _ := strings.Cut(name, "(")
	switch base = strings.TrimSpace(base); {
	case slices.Contains(laterTypes, base):
		v.fail("", "not in this version: type %s", base)
	case modifier != "":
		v.fail("write "+base, "not in this version: a type with (…)")
	default:
		v.fail(didYouMean(name, typeNames), "type %q does not exist", s)
	}
	return row.Unknown, false
}

var typeNames = []string{"boolean", "smallint", "integer", "int", "bigint", "double precision", "numeric", "text", "bytea", "date",
	"timestamp", "timestamptz", "interval"}

// jsonPath reads $.a.b and $['a b'].c: object keys from the root.
func jsonPath(v value) ([]string, bool) {
	s, ok := v.word("a path such as $.a.b")
	if !ok {
		return nil, false
	}
	rest, ok := strings.CutPrefix(s, "$")
	var path []string
	for ok && rest != "" {
		var key string
		if key, rest, ok = pathStep(rest); ok {
			path = append(path, key)
		}
	}
	switch {
	case ok && len(path) > 0:
		return path, true
	case strings.ContainsAny(s, "*?") || strings.Contains(s, "..") || arrayStep.MatchString(s):
		v.fail("a path is object keys from the root: $.a.b or $['a b'].c", "not in this version: paths into arrays, and wildcards")
	default:
		v.fail("write $.a.b, or $['a b'].c for keys with other characters", "%q is not a path", s)
	}
	return nil, false
}

// pathStep takes one step off a path: .key, ['key'] or ["key"], where a backslash takes the next character as it is.
func pathStep(s string) (key, rest string, ok bool) {
	if m := dotStep.FindStringSubmatch(s); m != nil {
		return m[1], s[len(m[0]):], true
	}
	m := quotedStep.FindStringSubmatch(s)
	if m == nil {
		return "", s, false
	}
	return escaped.ReplaceAllString(m[1]+m[2], "$1"), s[len(m[0]):], true
}

var (
	dotStep    = regexp.MustCompile(`^\.([A-Za-z_][A-Za-z0-9_-]*)`)
	quotedStep = regexp.MustCompile(`^\[(?:'((?:[^'\\]|\\.)+)'|"((?:[^"\\]|\\.)+)")\]`)
	arrayStep  = regexp.MustCompile(`\[ *\d`)
	escaped    = regexp.MustCompile(`\\(.)`)
)
