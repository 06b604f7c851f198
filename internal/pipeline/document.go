package pipeline

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a pipeline file: what is larger is not one.
const maxFile = 1 << 20

// document parses the source as one YAML document without tags, anchors and aliases. It reports false if there is nothing to go on with.
func (r *reader) document(src []byte) (value, bool) {
	src = bytes.TrimPrefix(src, []byte("\uFEFF"))
	r.lines = strings.Split(string(src), "\n")
	if len(src) > maxFile {
		return r.broken(1, "the file is larger than "+formatSize(maxFile), "")
	}
	if at := invalidLine(r.lines); at > 0 {
		return r.broken(at, "the line is not UTF-8", "")
	}
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var root, second yaml.Node
	switch err := dec.Decode(&root); {
	case errors.Is(err, io.EOF):
		return r.broken(1, "the file is empty", "write at least pipeline, sources and sinks")
	case err != nil:
		r.syntax(src, err)
		return value{}, false
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		r.broken(second.Line, "a second document begins here", "one file is one pipeline: remove the ---")
	case !errors.Is(err, io.EOF):
		r.syntax(src, err)
		return value{}, false
	}
	r.refused = map[*yaml.Node]bool{}
	v := value{root.Content[0], "", r}
	v.refuse()
	return v, true
}

func (r *reader) broken(line int, msg, cure string) (value, bool) {
	r.errs = append(r.errs, &Error{File: r.name, Line: line, Column: 1, Msg: msg, Cure: cure})
	return value{}, false
}

func invalidLine(lines []string) int {
	for i, l := range lines {
		if !utf8.ValidString(l) {
			return i + 1
		}
	}
	return 0
}

// refuse reports tags, anchors and aliases: YAML would take them away from the value, and an expression may well begin with their
// signs (F1).
func (v value) refuse() {
	sign := ""
	if c := v.r.at(v.node.Line, v.node.Column); c.rest() != "" && v.node.Style&quotedOrBlock == 0 {
		sign = c.rest()[:1]
	}
	switch {
	case v.node.Kind == yaml.AliasNode || v.node.Anchor != "":
		v.fail("write the value out; if it is an expression, quote it: "+quoted(v.restOfLine()), "YAML anchors and aliases are not taken in a pipeline file")
		v.r.refused[v.node] = true
		return
	case v.node.Style&yaml.TaggedStyle != 0 || (sign == "!" && v.node.Kind == yaml.ScalarNode):
		v.fail("if it is an expression, quote it: "+quoted(v.restOfLine()), "YAML tags are not taken in a pipeline file")
		v.r.refused[v.node] = true
		return
	}
	switch v.node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(v.node.Content); i += 2 {
			key := v.node.Content[i]
			value{key, v.path, v.r}.refuse()
			v.child(key.Value, v.node.Content[i+1]).refuse()
		}
	case yaml.SequenceNode:
		items, _ := v.list("")
		for _, item := range items {
			item.refuse()
		}
	}
}

const quotedOrBlock = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle

// restOfLine is the source from the value to the end of its line.
func (v value) restOfLine() string {
	return strings.TrimSpace(v.r.at(v.node.Line, v.node.Column).rest())
}

// quoted writes s as a YAML scalar that means exactly s.
func quoted(s string) string {
	if strings.ContainsAny(s, `"\`) || !strings.Contains(s, "'") {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return `"` + s + `"`
}
