package syntax

import (
	"fmt"
	"strings"
)

type parser struct {
	src   string
	toks  []token
	at    int
	depth int
}

// Parse reads one expression. A syntax error ends the reading: what follows it cannot be trusted.
func Parse(src string) (Node, *Error) {
	toks, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{src: src, toks: toks}
	if p.peek().kind == tEOF {
		return nil, p.errorf(p.peek(), "write an expression", "empty expression")
	}
	n, err := p.expr(bindLowest)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tEOF {
		return nil, p.unexpected(t, "join it to what comes before with an operator, or remove it")
	}
	return n, nil
}

// How tightly operators bind, loosest first (X2).
const (
	bindLowest = iota
	bindOr
	bindAnd
	bindNot
	bindIs
	bindCompare
	bindRange // BETWEEN, IN, LIKE
	bindOther // ||, ~ and all that is not named here
	bindAdd
	bindMul
	bindPower
	bindUnary
)

var infix = map[string]int{
	"=": bindCompare, "<": bindCompare, ">": bindCompare, "<=": bindCompare, ">=": bindCompare, "<>": bindCompare, "!=": bindCompare,
	"+": bindAdd, "-": bindAdd, "*": bindMul, "/": bindMul, "%": bindMul, "^": bindPower,
}

var infixWords = map[string]int{
	"or": bindOr, "and": bindAnd, "is": bindIs, "isnull": bindIs, "notnull": bindIs, "between": bindRange, "in": bindRange, "like": bindRange,
	"ilike": bindRange, "similar": bindRange,
}

func (p *parser) peek() token { return p.toks[p.at] }

func (p *parser) ahead(n int) token { return p.toks[min(p.at+n, len(p.toks)-1)] }

func (p *parser) take() token {
	t := p.toks[p.at]
	if t.kind != tEOF {
		p.at++
	}
	return t
}

func (t token) isOp(s string) bool   { return t.kind == tOp && t.text == s }
func (t token) isWord(s string) bool { return t.kind == tIdent && t.text == s }

func (p *parser) acceptOp(s string) bool {
	ok := p.peek().isOp(s)
	if ok {
		p.at++
	}
	return ok
}

func (p *parser) acceptWord(s string) bool {
	ok := p.peek().isWord(s)
	if ok {
		p.at++
	}
	return ok
}

func (p *parser) expectOp(s, cure string) *Error {
	if p.acceptOp(s) {
		return nil
	}
	return p.unexpected(p.peek(), cure)
}

func (p *parser) expectWord(s string) *Error {
	if p.acceptWord(s) {
		return nil
	}
	return p.unexpected(p.peek(), "write "+strings.ToUpper(s)+" here")
}

func (p *parser) errorf(t token, cure, format string, args ...any) *Error {
	return &Error{t.Span, fmt.Sprintf(format, args...), cure}
}

func (p *parser) unexpected(t token, cure string) *Error {
	if t.kind == tEOF {
		return p.errorf(t, cure, "syntax error at end of input")
	}
	return p.errorf(t, cure, "syntax error at or near %q", p.src[t.Pos:t.End])
}

// span returns the range from a token to the last one taken.
func (p *parser) span(from int) Span { return Span{from, p.toks[p.at-1].End} }

// expr reads what binds more tightly than least.
func (p *parser) expr(least int) (Node, *Error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > MaxDepth {
		return nil, p.errorf(p.peek(), "split it over several columns", "expression nests more than %d deep", MaxDepth)
	}
	left, err := p.prefix()
	for err == nil {
		t := p.peek()
		bind, not := p.binding(t)
		if bind <= least {
			return left, nil
		}
		if not {
			p.at++
		}
		left, err = p.infix(left, bind, not)
		if err == nil && nonassoc(bind, left) {
			if next, _ := p.binding(p.peek()); next == bind {
				return nil, p.unexpected(p.peek(), "put one of the comparisons in parentheses")
			}
		}
	}
	return nil, err
}

// nonassoc: IS NULL and its like stand after their operand and may follow each other.
func nonassoc(bind int, n Node) bool {
	is, ok := n.(*Is)
	return bind == bindCompare || bind == bindRange || ok && bind == bindIs && is.What == "distinct"
}

// binding tells how tightly the operator at hand binds, 0 if there is none; not tells that a NOT stands before it.
func (p *parser) binding(t token) (bind int, not bool) {
	switch t.kind {
	case tOp:
		if b, ok := infix[t.text]; ok {
			return b, false
		}
		if strings.IndexByte(operatorChars, t.text[0]) >= 0 {
			return bindOther, false
		}
	case tIdent:
		if t.text == "not" {
			if b := infixWords[p.ahead(1).text]; b == bindRange && p.ahead(1).kind == tIdent {
				return b, true
			}
			return 0, false
		}
		return infixWords[t.text], false
	}
	return 0, false
}

func (p *parser) infix(left Node, bind int, not bool) (Node, *Error) {
	t := p.take()
	switch {
	case t.kind == tOp:
		right, err := p.expr(bind)
		if err != nil {
			return nil, err
		}
		name := t.text
		if name == "!=" {
			name = "<>"
		}
		return p.operator(left.At().Pos, name, t, left, right), nil
	case bind == bindOr || bind == bindAnd:
		right, err := p.expr(bind)
		if err != nil {
			return nil, err
		}
		return p.logic(left, t.text, right), nil
	case bind == bindIs:
		return p.is(left, t)
	case t.text == "between":
		return p.between(left, not)
	case t.text == "in":
		return p.in(left, not)
	}
	return p.like(left, t, not)
}

func (p *parser) operator(from int, name string, t token, args ...Node) Node {
	return &Call{Span: p.span(from), Name: name, NameAt: t.Span, Operator: true, Args: args}
}

// logic joins a chain of the same connective into one node, so that a long chain is not deep.
func (p *parser) logic(left Node, op string, right Node) Node {
	if l, ok := left.(*Logic); ok && l.Op == op && p.src[l.Pos] != '(' {
		l.Args, l.End = append(l.Args, right), right.At().End
		return l
	}
	return &Logic{p.span(left.At().Pos), op, []Node{left, right}}
}

func (p *parser) is(left Node, t token) (Node, *Error) {
	n := &Is{X: left, What: "null", Not: t.text == "notnull"}
	if t.text != "is" {
		n.Span = p.span(left.At().Pos)
		return n, nil
	}
	n.Not = p.acceptWord("not")
	w := p.take()
	switch {
	case w.isWord("null"), w.isWord("true"), w.isWord("false"), w.isWord("unknown"):
		n.What = w.text
	case w.isWord("distinct"):
		n.What = w.text
		if err := p.expectWord("from"); err != nil {
			return nil, err
		}
		var err *Error
		if n.Y, err = p.expr(bindIs); err != nil {
			return nil, err
		}
	default:
		return nil, p.unexpected(w, "write NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM after IS")
	}
	n.Span = p.span(left.At().Pos)
	return n, nil
}

func (p *parser) between(left Node, not bool) (Node, *Error) {
	n := &Between{X: left, Not: not, Symmetric: p.acceptWord("symmetric")}
	if !n.Symmetric {
		p.acceptWord("asymmetric")
	}
	var err *Error
	if n.Lo, err = p.expr(bindRange); err != nil {
		return nil, err
	}
	if err = p.expectWord("and"); err != nil {
		return nil, err
	}
	if n.Hi, err = p.expr(bindRange); err != nil {
		return nil, err
	}
	n.Span = p.span(left.At().Pos)
	return n, nil
}

func (p *parser) in(left Node, not bool) (Node, *Error) {
	if err := p.expectOp("(", "write a list in parentheses after IN"); err != nil {
		return nil, err
	}
	list, err := p.list(")")
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, p.unexpected(p.toks[p.at-1], "write at least one value in the list")
	}
	return &In{p.span(left.At().Pos), left, not, list}, nil
}

// like reads [NOT] LIKE and ILIKE; an ESCAPE becomes a call of like_escape around the pattern, as in Postgres.
func (p *parser) like(left Node, t token, not bool) (Node, *Error) {
	if t.text == "similar" {
		return nil, p.errorf(t, "write a regular expression: x ~ '^(…)$'", "SIMILAR TO: not in this version")
	}
	right, err := p.expr(bindRange)
	if err != nil {
		return nil, err
	}
	if p.peek().isWord("escape") {
		at := p.take()
		esc, err := p.expr(bindRange)
		if err != nil {
			return nil, err
		}
		right = &Call{Span: p.span(right.At().Pos), Name: "like_escape", NameAt: at.Span, Args: []Node{right, esc}}
	}
	name := "~~"
	if t.text == "ilike" {
		name = "~~*"
	}
	if not {
		name = "!" + name
	}
	return p.operator(left.At().Pos, name, t, left, right), nil
}

// list reads expressions up to a closing mark, which it takes.
func (p *parser) list(end string) ([]Node, *Error) {
	var list []Node
	if p.acceptOp(end) {
		return nil, nil
	}
	for {
		n, err := p.expr(bindLowest)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
		if p.acceptOp(",") {
			continue
		}
		return list, p.expectOp(end, "write , or "+end+" here")
	}
}
