package expr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/millrace/millrace/internal/row"
)

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// appendArray prints {a,NULL,"b c"}, quoting what could be read otherwise.
func appendArray(dst []byte, a []row.Value, elem row.Type) []byte {
	dst = append(dst, '{')
	for i, v := range a {
		if i > 0 {
			dst = append(dst, ',')
		}
		if v.Null {
			dst = append(dst, "NULL"...)
			continue
		}
		s := Format(v, elem)
		if !needsQuotes(s) {
			dst = append(dst, s...)
			continue
		}
		dst = append(dst, '"')
		for i := range len(s) {
			if s[i] == '"' || s[i] == '\\' {
				dst = append(dst, '\\')
			}
			dst = append(dst, s[i])
		}
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

func needsQuotes(s string) bool {
	return s == "" || strings.EqualFold(s, "null") || strings.ContainsAny(s, "{},\"\\ \t\n\r\v\f")
}

// parseArray reads a one-dimensional array.
func parseArray(s string, elem row.Type) (row.Value, error) {
	p := arrayParser{text: s, rest: strings.TrimLeft(s, " \t\n\r\v\f"), elem: elem}
	if err := p.parse(); err != nil {
		return row.Value{}, err
	}
	return row.OfRef(p.out), nil
}

type arrayParser struct {
	text, rest string
	elem       row.Type
	out        []row.Value
}

func (p *arrayParser) malformed() error { return fmt.Errorf("malformed array literal: \"%s\"", p.text) }

func (p *arrayParser) skip() { p.rest = strings.TrimLeft(p.rest, " \t\n\r\v\f") }

func (p *arrayParser) accept(c byte) bool {
	p.skip()
	if p.rest == "" || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

func (p *arrayParser) parse() error {
	p.out = []row.Value{}
	if !p.accept('{') {
		return p.malformed()
	}
	if !p.accept('}') {
		for {
			if err := p.element(); err != nil {
				return err
			}
			if p.accept('}') {
				break
			}
			if !p.accept(',') {
				return p.malformed()
			}
		}
	}
	if p.skip(); p.rest != "" {
		return p.malformed()
	}
	return nil
}

func (p *arrayParser) element() error {
	p.skip()
	if strings.HasPrefix(p.rest, "{") {
		return fmt.Errorf("arrays of more than one dimension: not in this version: \"%s\"", p.text)
	}
	word, quoted, ok := p.word()
	if !ok || word == "" && !quoted {
		return p.malformed()
	}
	if !quoted && strings.EqualFold(word, "null") {
		p.out = append(p.out, row.NullValue)
		return nil
	}
	v, err := ParseText(word, p.elem)
	if err != nil {
		return err
	}
	p.out = append(p.out, v)
	return nil
}

func (p *arrayParser) word() (word string, quoted, ok bool) {
	var b strings.Builder
	if quoted = p.accept('"'); !quoted {
		for p.rest != "" && !strings.ContainsRune(`,{}"`, rune(p.rest[0])) {
			p.take(&b)
		}
		return strings.TrimRight(b.String(), " \t\n\r\v\f"), false, p.rest != "" && p.rest[0] != '"' && p.rest[0] != '{'
	}
	for p.rest != "" && p.rest[0] != '"' {
		p.take(&b)
	}
	return b.String(), true, p.accept('"')
}

// take moves one byte, a backslash making the next one plain.
func (p *arrayParser) take(b *strings.Builder) {
	if p.rest[0] == '\\' && len(p.rest) > 1 {
		p.rest = p.rest[1:]
	}
	b.WriteByte(p.rest[0])
	p.rest = p.rest[1:]
}
