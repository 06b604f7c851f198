package pipeline

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// find is tested by a mark: the word HERE of a scalar's value must be found where HERE stands in the source.
func TestAByteOfAScalarIsFoundInTheSource(t *testing.T) {
	for name, src := range map[string]string{
		"plain":                   "a: x and HERE\n",
		"plain over lines":        "a: x\n  and\n\n   HERE y\n",
		"single quotes":           "a: 'x and HERE'\n",
		"single quotes, doubled":  "a: 'it''s HERE'\n",
		"single quotes, lines":    "a: 'it''s\n  so  HERE'\n",
		"double quotes":           "a: \"x and HERE\"\n",
		"literal":                 "a: |\n   x\n     and HERE\n",
		"literal, blank first":    "a: |\n\n   x\n     and HERE\n",
		"literal, indented first": "a: |2\n     HERE\n",
		"folded":                  "a: >-\n   x\n   and\n\n   HERE\n",
		"after other characters":  "ä: 'ü → HERE'\n",
		"in a list":               "- - x\n  - a: [ 'q', HERE ]\n",
		"carriage returns":        "a: |\r\n  x\r\n  HERE\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			line, column := markIn(src)
			v, offset := scalarWith(t, src, "HERE")
			c, ok := v.r.find(v.node, offset)
			require.True(t, ok)
			require.Equal(t, [2]int{line, column}, [2]int{c.line, c.column()})
		})
	}
}

func TestBehindAnEscapeThePlaceIsNotGuessed(t *testing.T) {
	v, offset := scalarWith(t, `a: "x \"y\" HERE"`+"\n", "HERE")
	_, ok := v.r.find(v.node, offset)
	require.False(t, ok)
	_, ok = v.r.find(v.node, 1)
	require.True(t, ok, "before the escape it is known")
}

func markIn(src string) (line, column int) {
	before := src[:strings.Index(src, "HERE")]
	last := before[strings.LastIndex(before, "\n")+1:]
	return strings.Count(before, "\n") + 1, len([]rune(last)) + 1
}

// scalarWith parses src and returns the scalar that holds the mark, with the mark's offset in it.
func scalarWith(t *testing.T, src, mark string) (value, int) {
	t.Helper()
	r := &reader{name: "f", getenv: noEnv}
	root, ok := r.document([]byte(src))
	require.True(t, ok, r.errs)
	var found *value
	var walk func(v value)
	walk = func(v value) {
		if strings.Contains(v.node.Value, mark) {
			found = &v
		}
		for _, n := range v.node.Content {
			walk(value{n, v.path, r})
		}
	}
	walk(root)
	require.NotNil(t, found)
	return *found, strings.Index(found.node.Value, mark)
}
