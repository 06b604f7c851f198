package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// entry is one key of a mapping with its value. key and value share the path.
type entry struct {
	name string
	key  value
	value
}

// mapping is the entries of a YAML mapping, in the file's order, each name once.
type mapping struct {
	value
	entries []entry
}

// keys says which keys a mapping takes: those known, and those that the design has but this version does not build.
type keys struct{ known, later []string }

// open reads a mapping whose keys the file's author chooses.
func (v value) open(want string) (mapping, bool) {
	m := mapping{value: v}
	if v.node.Kind != yaml.MappingNode {
		v.fail("", "want %s, found %s", want, v.describe())
		return m, false
	}
	first := map[string]*yaml.Node{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key, val := v.node.Content[i], v.node.Content[i+1]
		e := entry{key.Value, v.child(key.Value, key), v.child(key.Value, val)}
		if key.Kind != yaml.ScalarNode {
			value{key, v.path, v.r}.fail("", "a key must be a plain name")
			continue
		}
		if before := first[key.Value]; before != nil {
			e.key.fail("", "%q stands here twice, first on line %d", key.Value, before.Line)
			continue
		}
		first[key.Value] = key
		m.entries = append(m.entries, e)
	}
	return m, true
}

// mapping reads a mapping with given keys; any other key is an error (F1, F3).
func (v value) mapping(want string, k keys) (mapping, bool) {
	m, ok := v.open(want)
	if !ok {
		return m, false
	}
	m.entries = slices.DeleteFunc(m.entries, func(e entry) bool {
		switch {
		case slices.Contains(k.known, e.name):
			return false
		case slices.Contains(k.later, e.name):
			e.key.later(e.name)
		default:
			e.key.fail(unknownKeyCure(e, k), "unknown key %q", e.name)
		}
		return true
	})
	return m, true
}

// refusedKey tells whether a mapping had one of the keys of later versions, which mapping has reported and left out.
func refusedKey(m mapping, k keys) bool {
	for i := 0; i+1 < len(m.node.Content); i += 2 {
		if slices.Contains(k.later, m.node.Content[i].Value) {
			return true
		}
	}
	return false
}

// asMapping looks into a value without reporting anything.
func asMapping(v value) (mapping, bool) {
	quiet := v
	quiet.r = &reader{name: v.r.name, lines: v.r.lines, getenv: v.r.getenv}
	m, ok := quiet.open("")
	for i := range m.entries {
		m.entries[i].key.r, m.entries[i].value.r = v.r, v.r
	}
	return m, ok
}

// later refuses what the design has and this version does not build.
func (v value) later(what string) { v.fail(instead[what], "not in this version: %s", what) }

// instead tells what does the same in this version.
var instead = map[string]string{
	"countByValue": "reduceByKey with key: [column] and values: {count: count(*)} does the same",
	"distinct":     "reduceByKey with every column in key and values: {n: count(*)} gives each row once a batch",
	"deduplicate":  "updateStateByKey with emit: changed and an upsert sink keeps one row a key",
}

// unknownKeyCure names the nearest key, unless the key is the rest of an expression that a comma in {…} has cut.
func unknownKeyCure(e entry, k keys) string {
	if e.value.empty() && strings.ContainsAny(e.name, "()'\"") {
		return commaCure
	}
	return didYouMean(e.name, k.known, k.later...)
}

const commaCure = "a comma ends a value inside {…} and […]: quote the expression, or write it on a line of its own"

// get returns the value of a key.
func (m mapping) get(name string) (value, bool) {
	for _, e := range m.entries {
		if e.name == name {
			return e.value, true
		}
	}
	return value{}, false
}

// need returns the value of a key that must be there; example is how it would look.
func (m mapping) need(name, example string) (value, bool) {
	v, ok := m.get(name)
	if !ok {
		m.fail("write "+example, "%s is missing", name)
	}
	return v, ok
}

// list returns the elements of a sequence.
func (v value) list(want string) ([]value, bool) {
	if v.node.Kind != yaml.SequenceNode {
		v.fail("", "want %s, found %s", want, v.describe())
		return nil, false
	}
	items := make([]value, len(v.node.Content))
	for i, n := range v.node.Content {
		items[i] = value{n, fmt.Sprintf("%s[%d]", v.path, i), v.r}
	}
	return items, true
}
