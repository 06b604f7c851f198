package expr

import (
	"github.com/millrace/millrace/internal/expr/syntax"
	"github.com/millrace/millrace/internal/row"
)

// Compile compiles one expression over the columns of a scope. Aggregates are refused.
func Compile(source string, scope Scope) (*Expr, []*Error) {
	c := &checker{src: source, lookup: columnLookup(scope.Columns, 0)}
	n := c.compile()
	if len(c.errs) > 0 {
		return nil, c.errs
	}
	return finish(n, source), nil
}

// compile parses and checks; an untyped result has become text. A bad node comes with errors.
func (c *checker) compile() *node {
	tree, err := syntax.Parse(c.src)
	if err != nil {
		c.errs = append(c.errs, &Error{Pos: err.Pos, End: err.End, Msg: err.Msg, Cure: err.Cure})
		return bad(syntax.Span{})
	}
	return c.settle(c.check(tree), row.Text)
}

// finish makes the Expr that callers see.
func finish(n *node, source string) *Expr {
	x := &Expr{Source: source, Type: n.typ, Slots: n.slots, Fallible: n.fallible && !n.folded, Const: n.konst, Value: n.value(), Each: n.each}
	switch kindOf(n.typ) {
	case kindBool:
		x.Bool = n.boolean
	case kindInt:
		x.Int = n.integer
	case kindFloat:
		x.Float = n.float
	case kindText:
		x.Text = n.text
	default:
		x.Ref = n.ref
	}
	if x.Each == nil && n.typ.IsArray() && n.folded && !n.val.Null {
		x.Each = eachOf(n.val.Array())
	}
	return x
}

func eachOf(a []row.Value) func(*Env, func(row.Value)) bool {
	return func(_ *Env, emit func(row.Value)) bool {
		for _, v := range a {
			emit(v)
		}
		return false
	}
}
