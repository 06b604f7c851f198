package syntax

import "strings"

// prefix reads a primary or a prefix operator applied to one, with the subscripts and casts that follow it.
func (p *parser) prefix() (Node, *Error) {
	t := p.peek()
	switch {
	case t.isWord("not"):
		p.at++
		x, err := p.expr(bindNot - 1)
		if err != nil {
			return nil, err
		}
		return &Logic{p.span(t.Pos), "not", []Node{x}}, nil
	case t.isOp("-") || t.isOp("+"):
		p.at++
		x, err := p.expr(bindUnary)
		if err != nil {
			return nil, err
		}
		return p.sign(t, x), nil
	case t.kind == tOp && strings.IndexByte(operatorChars, t.text[0]) >= 0:
		p.at++
		x, err := p.expr(bindOther)
		if err != nil {
			return nil, err
		}
		return p.operator(t.Pos, t.text, t, x), nil
	}
	n, err := p.primary()
	if err != nil {
		return nil, err
	}
	return p.postfix(n, t.Pos)
}

// sign makes -5 a constant, as Postgres does: -9223372036854775808 is a bigint.
func (p *parser) sign(t token, x Node) Node {
	if l, ok := x.(*Literal); ok && l.Kind == Number && t.text == "-" && p.src[l.Pos] != '(' {
		text := "-" + l.Text
		if l.Text[0] == '-' {
			text = l.Text[1:]
		}
		return &Literal{p.span(t.Pos), Number, text}
	}
	return p.operator(t.Pos, t.text, t, x)
}

func (p *parser) postfix(n Node, from int) (Node, *Error) {
	for {
		switch {
		case p.acceptOp("::"):
			typ, err := p.typeName()
			if err != nil {
				return nil, err
			}
			n = &Cast{p.span(from), n, typ}
		case p.peek().isOp("[") && p.subscripted(n, from):
			p.at++
			i, err := p.expr(bindLowest)
			if err != nil {
				return nil, err
			}
			if p.peek().isOp(":") {
				return nil, p.errorf(p.peek(), "take single elements", "array slices: not in this version")
			}
			if err := p.expectOp("]", "close the subscript with ]"); err != nil {
				return nil, err
			}
			n = &Index{p.span(from), n, i}
		case p.peek().isWord("at") && p.ahead(1).isWord("time"):
			return nil, p.errorf(p.peek(), "timestamps are in UTC; add an interval", "AT TIME ZONE: not in this version")
		case p.peek().isWord("collate"):
			return nil, p.errorf(p.peek(), "remove it: text compares by bytes, as under COLLATE \"C\"", "COLLATE: not in this version")
		default:
			return n, nil
		}
	}
}

// subscripted: as in Postgres, a subscript stands after a column or a parenthesis; f(x)[1] is written (f(x))[1].
func (p *parser) subscripted(n Node, from int) bool {
	switch n.(type) {
	case *Name, *Index:
		return true
	}
	return p.src[from] == '('
}

func (p *parser) primary() (Node, *Error) {
	t := p.take()
	switch t.kind {
	case tNumber:
		return &Literal{t.Span, Number, t.text}, nil
	case tString:
		return &Literal{t.Span, String, t.text}, nil
	case tQuoted:
		return p.name(t)
	case tIdent:
		return p.word(t)
	}
	if t.isOp("(") {
		n, err := p.expr(bindLowest)
		if err != nil {
			return nil, err
		}
		if p.peek().isOp(",") {
			return nil, p.errorf(p.peek(), "compare the columns one by one", "row constructors: not in this version")
		}
		if err := p.expectOp(")", "close the parenthesis"); err != nil {
			return nil, err
		}
		return widen(n, p.span(t.Pos)), nil
	}
	return nil, p.unexpected(t, "write a column, a constant or a function here")
}

// widen lets a node in parentheses own them, so that errors show them, and `(a AND b) AND c` keeps its parentheses.
func widen(n Node, s Span) Node {
	switch n := n.(type) {
	case *Logic:
		n.Span = s
	case *Call:
		n.Span = s
	case *Literal:
		n.Span = s
	}
	return n
}

// Words that Postgres reserves: they cannot be columns without quotes.
var reserved = map[string]bool{
	"all": true, "and": true, "any": true, "as": true, "asc": true, "both": true, "collate": true, "desc": true, "distinct": true,
	"do": true, "else": true, "end": true, "except": true, "for": true, "from": true, "group": true, "having": true, "in": true, "into": true,
	"leading": true, "limit": true, "not": true, "offset": true, "on": true, "only": true, "or": true, "order": true, "select": true, "some": true,
	"symmetric": true, "table": true, "then": true, "to": true, "trailing": true, "union": true, "user": true, "using": true, "when": true,
	"where": true, "window": true, "with": true, "between": true, "like": true, "ilike": true, "is": true, "similar": true, "isnull": true, "notnull": true,
}

// A column may be called by these; an operator wins where both could be meant.
var softReserved = map[string]bool{"user": true, "offset": true, "end": true, "group": true, "order": true, "table": true, "window": true, "limit": true, "desc": true, "asc": true, "to": true}

func (p *parser) word(t token) (Node, *Error) {
	switch t.text {
	case "true":
		return &Literal{t.Span, True, ""}, nil
	case "false":
		return &Literal{t.Span, False, ""}, nil
	case "null":
		return &Literal{t.Span, Null, ""}, nil
	case "case":
		return p.caseExpr(t)
	case "cast":
		return p.cast(t)
	case "array":
		if p.acceptOp("[") {
			elems, err := p.list("]")
			return &Array{p.span(t.Pos), elems}, err
		}
	case "current_timestamp", "current_date", "localtimestamp", "current_time", "localtime", "current_user", "session_user":
		return &Call{Span: t.Span, Name: t.text, NameAt: t.Span}, nil
	}
	if reserved[t.text] {
		cure := "write a column, a constant or a function here"
		if softReserved[t.text] {
			cure = `a column of this name is written "` + t.text + `"`
		}
		return nil, p.unexpected(t, cure)
	}
	if typ, ok := p.typedLiteral(t); ok {
		s := p.take()
		return &Cast{p.span(t.Pos), &Literal{s.Span, String, s.text}, typ}, nil
	}
	if p.peek().isOp("(") {
		p.at++
		return p.call(t)
	}
	return p.name(t)
}

func (p *parser) name(t token) (Node, *Error) {
	n := &Name{Parts: []string{t.text}}
	for p.acceptOp(".") {
		part := p.take()
		if part.kind != tIdent && part.kind != tQuoted {
			return nil, p.unexpected(part, "write a name after the dot")
		}
		n.Parts = append(n.Parts, part.text)
	}
	n.Span = p.span(t.Pos)
	return n, nil
}

func (p *parser) caseExpr(t token) (Node, *Error) {
	c := &Case{}
	var err *Error
	if !p.peek().isWord("when") {
		if c.Operand, err = p.expr(bindLowest); err != nil {
			return nil, err
		}
	}
	for p.acceptWord("when") {
		var w When
		if w.Cond, err = p.expr(bindLowest); err != nil {
			return nil, err
		}
		if err = p.expectWord("then"); err != nil {
			return nil, err
		}
		if w.Then, err = p.expr(bindLowest); err != nil {
			return nil, err
		}
		c.Whens = append(c.Whens, w)
	}
	if len(c.Whens) == 0 {
		return nil, p.unexpected(p.peek(), "write WHEN … THEN … here")
	}
	if p.acceptWord("else") {
		if c.Else, err = p.expr(bindLowest); err != nil {
			return nil, err
		}
	}
	if err = p.expectWord("end"); err != nil {
		return nil, err
	}
	c.Span = p.span(t.Pos)
	return c, nil
}

func (p *parser) cast(t token) (Node, *Error) {
	if err := p.expectOp("(", "write CAST(x AS type)"); err != nil {
		return nil, err
	}
	x, err := p.expr(bindLowest)
	if err != nil {
		return nil, err
	}
	if err := p.expectWord("as"); err != nil {
		return nil, err
	}
	typ, err := p.typeName()
	if err != nil {
		return nil, err
	}
	if err := p.expectOp(")", "close the parenthesis"); err != nil {
		return nil, err
	}
	return &Cast{p.span(t.Pos), x, typ}, nil
}
