package syntax

import "strconv"

// typeNames are the words that can begin a typed literal, `date '2001-01-01'`, with the words that may follow them.
var typeNames = map[string][]string{
	"bool": nil, "boolean": nil, "smallint": nil, "int2": nil, "int": nil, "integer": nil, "int4": nil, "bigint": nil, "int8": nil, "float8": nil,
	"float4": nil, "real": nil, "float": nil, "numeric": nil, "decimal": nil, "text": nil, "varchar": nil, "bytea": nil, "date": nil, "timestamptz": nil,
	"interval": nil, "timestamp": nil, "double": {"precision"}, "character": {"varying"}, "time": nil, "json": nil, "jsonb": nil, "uuid": nil,
}

// typedLiteral tells whether the word t begins `type 'literal'`, and if so reads the type; the string comes next.
func (p *parser) typedLiteral(t token) (TypeName, bool) {
	if _, ok := typeNames[t.text]; !ok {
		return TypeName{}, false
	}
	mark := p.at
	p.at--
	typ, err := p.typeName()
	if err == nil && !typ.Array && p.peek().kind == tString {
		return typ, true
	}
	p.at = mark
	return TypeName{}, false
}

// typeName reads a type: its words, its modifiers in parentheses, [] after it.
func (p *parser) typeName() (TypeName, *Error) {
	t := p.take()
	if t.kind != tIdent && t.kind != tQuoted {
		return TypeName{}, p.unexpected(t, "write the name of a type, as integer or text")
	}
	n := TypeName{Name: t.text}
	for _, next := range typeNames[t.text] {
		if p.acceptWord(next) {
			n.Name += " " + next
		}
	}
	if err := p.mods(&n); err != nil {
		return n, err
	}
	if t.text == "timestamp" || t.text == "time" {
		for _, with := range []string{"with", "without"} {
			if p.peek().isWord(with) && p.ahead(1).isWord("time") && p.ahead(2).isWord("zone") {
				n.Name += " " + with + " time zone"
				p.at += 3
			}
		}
	}
	if p.peek().isOp("[") {
		p.at++
		if p.peek().kind == tNumber {
			p.at++ // Postgres takes the size and forgets it
		}
		if err := p.expectOp("]", "write type[]"); err != nil {
			return n, err
		}
		n.Array = true
	}
	n.Span = p.span(t.Pos)
	return n, nil
}

func (p *parser) mods(n *TypeName) *Error {
	if !p.acceptOp("(") {
		return nil
	}
	for {
		negative := p.acceptOp("-")
		t := p.take()
		v, err := strconv.Atoi(t.text)
		if t.kind != tNumber || err != nil {
			return p.unexpected(t, "write a number here, as in numeric(10,2)")
		}
		if negative {
			v = -v
		}
		n.Mods = append(n.Mods, v)
		if !p.acceptOp(",") {
			return p.expectOp(")", "close the parenthesis")
		}
	}
}

// call reads a function's arguments; its name and the parenthesis are taken.
func (p *parser) call(t token) (Node, *Error) {
	c := &Call{Name: t.text, NameAt: t.Span}
	var err *Error
	switch {
	case t.text == "position":
		err = p.positionArgs(c)
	case t.text == "trim":
		err = p.trimArgs(c)
	case t.text == "extract":
		err = p.extractArgs(c)
	case t.text == "substring" || t.text == "overlay":
		err = p.substringArgs(c)
	case p.acceptOp("*"):
		c.Star = true
		err = p.expectOp(")", "close the parenthesis")
	default:
		c.Distinct = p.acceptWord("distinct")
		c.Args, err = p.list(")")
	}
	if err == nil && p.peek().isWord("filter") && p.ahead(1).isOp("(") {
		err = p.filter(c)
	}
	if err == nil && p.peek().isWord("over") && p.ahead(1).isOp("(") {
		err = p.errorf(p.peek(), "aggregate by key in a keyed step", "window functions: not in this version")
	}
	c.Span = p.span(t.Pos)
	return c, err
}

func (p *parser) filter(c *Call) (err *Error) {
	p.at += 2
	if err = p.expectWord("where"); err != nil {
		return err
	}
	if c.Filter, err = p.expr(bindLowest); err != nil {
		return err
	}
	return p.expectOp(")", "close the parenthesis")
}

// positionArgs reads position(a in b), which is position(b, a).
func (p *parser) positionArgs(c *Call) *Error {
	needle, err := p.expr(bindRange)
	if err != nil {
		return err
	}
	if p.acceptOp(",") { // Postgres has no such form: it needs the quoted name; say what to write
		return p.unexpected(p.toks[p.at-1], "write position(part IN whole), or strpos(whole, part)")
	}
	if err = p.expectWord("in"); err != nil {
		return err
	}
	whole, err := p.expr(bindRange)
	if err != nil {
		return err
	}
	c.Args = []Node{whole, needle}
	return p.expectOp(")", "close the parenthesis")
}

// trimArgs reads trim([both|leading|trailing] [chars] [from] text); the name becomes btrim, ltrim or rtrim.
func (p *parser) trimArgs(c *Call) (err *Error) {
	c.Name = "btrim"
	switch {
	case p.acceptWord("leading"):
		c.Name = "ltrim"
	case p.acceptWord("trailing"):
		c.Name = "rtrim"
	default:
		p.acceptWord("both")
	}
	if p.acceptWord("from") {
		c.Args, err = p.list(")")
		return err
	}
	first, err := p.expr(bindLowest)
	if err != nil {
		return err
	}
	if p.acceptWord("from") {
		c.Args, err = p.list(")")
		c.Args = append(c.Args, first)
		return err
	}
	c.Args = []Node{first}
	if p.acceptOp(",") {
		rest, err := p.list(")")
		c.Args = append(c.Args, rest...)
		return err
	}
	return p.expectOp(")", "close the parenthesis")
}

// extractArgs reads extract(field from x), which is extract('field', x).
func (p *parser) extractArgs(c *Call) *Error {
	t := p.take()
	if t.kind != tIdent && t.kind != tString && t.kind != tQuoted {
		return p.unexpected(t, "write extract(hour from x)")
	}
	if err := p.expectWord("from"); err != nil {
		return err
	}
	x, err := p.expr(bindLowest)
	if err != nil {
		return err
	}
	c.Args = []Node{&Literal{t.Span, String, t.text}, x}
	return p.expectOp(")", "close the parenthesis")
}

// substringArgs reads substring(s from a for b), either part missing, and the plain substring(s, a, b).
func (p *parser) substringArgs(c *Call) *Error {
	if c.Name == "overlay" {
		return p.errorf(p.toks[p.at-2], "put it together with left, right and ||", "overlay: not in this version")
	}
	s, err := p.expr(bindLowest)
	if err != nil {
		return err
	}
	c.Args = []Node{s}
	if p.acceptOp(",") {
		rest, err := p.list(")")
		c.Args = append(c.Args, rest...)
		return err
	}
	var from, length Node
	for {
		t, target := p.peek(), &from
		switch {
		case t.isWord("from") && from == nil:
		case t.isWord("for") && length == nil:
			target = &length
		default:
			if from == nil && length != nil {
				from = &Literal{length.At(), Number, "1"}
			}
			for _, n := range []Node{from, length} {
				if n != nil {
					c.Args = append(c.Args, n)
				}
			}
			return p.expectOp(")", "close the parenthesis")
		}
		p.at++
		if *target, err = p.expr(bindLowest); err != nil {
			return err
		}
	}
}
