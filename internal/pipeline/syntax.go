package pipeline

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// syntax reports what is not YAML. Most of these are expressions that need quotes, and YAML's own words lead away from them; so the
// lines are searched for the usual causes first.
func (r *reader) syntax(src []byte, err error) {
	before := len(r.errs)
	r.suspects()
	if len(r.errs) > before {
		return
	}
	msg := yamlPlace.ReplaceAllString(err.Error(), "")
	r.broken(r.brokenLine(src, err), "not YAML: "+msg, "")
}

var (
	yamlPlace   = regexp.MustCompile(`^yaml: (line \d+: )?`)
	yamlLine    = regexp.MustCompile(`^yaml: line (\d+): `)
	keyAndValue = regexp.MustCompile(`^([ ]*(?:- +)*(?:[A-Za-z_][A-Za-z0-9_.-]*: +)?)(.*)$`)
	blockHeader = regexp.MustCompile(`^[|>][-+0-9]*( +#.*)?$`)
)

// brokenLine is the line after the longest beginning of the file that is YAML: yaml's own line numbers are off by one for some errors
// and missing for others.
func (r *reader) brokenLine(src []byte, err error) int {
	if len(r.lines) <= 500 && len(src) <= 32<<10 { // every beginning is parsed: bounded, so that a large file does not take seconds
		for n := len(r.lines) - 1; n > 0; n-- {
			var node yaml.Node
			if yaml.Unmarshal([]byte(strings.Join(r.lines[:n], "\n")), &node) == nil {
				return n + 1
			}
		}
		return 1
	}
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 1
}

// suspects reports the lines that are not YAML for one of the usual reasons. The text of block scalars is left alone.
func (r *reader) suspects() {
	inBlock := -1
	for i, line := range r.lines {
		line = strings.TrimRight(line, " \r")
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if strings.TrimSpace(line) == "" || (inBlock >= 0 && indent > inBlock) || strings.HasPrefix(line[indent:], "#") {
			continue
		}
		inBlock = -1
		m := keyAndValue.FindStringSubmatch(line)
		if blockHeader.MatchString(m[2]) {
			inBlock = indent
			continue
		}
		msg, cure := suspect(m[2])
		if strings.HasPrefix(line[indent:], "\t") {
			msg, cure = "a tab cannot indent YAML", "use spaces"
		}
		if msg != "" {
			column := utf8.RuneCountInString(m[1]) + 1
			r.errs = append(r.errs, &Error{File: r.name, Line: i + 1, Column: column, Msg: msg, Cure: cure})
		}
	}
}

// suspect tells why a value on one line is not YAML, and its quoted form.
func suspect(v string) (msg, cure string) {
	if v == "" {
		return "", ""
	}
	switch first := v[0]; first {
	case '\'', '"':
		if rest, ok := afterQuote(v); ok && rest != "" && !strings.HasPrefix(rest, "#") && !strings.HasPrefix(rest, ":") {
			return "a value that starts with a quote ends at the closing quote", "quote the whole expression: " + quoted(v)
		}
	case '@', '`', '%', '*', '&', '!':
		return "a plain value cannot start with " + string(first), "quote it: " + quoted(v)
	case '{', '[':
		if i := strings.Index(v, "${"); i > 0 && !strings.ContainsAny(v[i-1:i], `'"`) {
			return "${…} inside {…} and […] needs quotes", `write "${NAME}"`
		}
	case '|', '>', '#':
	default:
		if plain, _, _ := strings.Cut(v, " #"); strings.Contains(plain, ": ") || (strings.HasPrefix(v, "- ") && len(v) > 2) {
			return "this is not one plain value", "if it is an expression, quote it: " + quoted(v)
		}
	}
	return "", ""
}

// afterQuote returns what follows the quoted scalar that v begins with, or false if it does not end on this line.
func afterQuote(v string) (string, bool) {
	quote := v[0]
	for i := 1; i < len(v); i++ {
		switch {
		case quote == '"' && v[i] == '\\':
			i++
		case quote == '\'' && v[i] == quote && i+1 < len(v) && v[i+1] == quote:
			i++
		case v[i] == quote:
			return strings.TrimSpace(v[i+1:]), true
		}
	}
	return "", false
}
