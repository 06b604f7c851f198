package expr

import (
	"github.com/millrace/millrace/internal/expr/syntax"
	"github.com/millrace/millrace/internal/row"
)

// concat is ||: text with anything that is not an array, bytea with bytea, arrays with arrays or elements.
func (c *checker) concat(at, nameAt syntax.Span, args []*node) *node {
	x, y := args[0], args[1]
	switch {
	case x.typ.IsArray() || y.typ.IsArray():
		return c.concatArrays(at, x, y)
	case x.typ == row.Bytea && (y.typ == row.Bytea || y.typ == row.Unknown), y.typ == row.Bytea && x.typ == row.Unknown:
		x, y = c.settle(x, row.Bytea), c.settle(y, row.Bytea)
	case textual(x.typ) || textual(y.typ):
		x, y = c.asText(x), c.asText(y)
	default:
		return c.fail(at, "cast one side: x::text", "operator does not exist: %s", spelled("||", args))
	}
	if anyBad([]*node{x, y}) {
		return bad(at)
	}
	if x.isNull() || y.isNull() {
		return constant(row.NullValue, x.typ, at)
	}
	n := combine("||", x.typ, at, []*node{x, y})
	env2(joinTexts)(n, n.args)
	return fold(n)
}

func textual(t row.Type) bool { return t == row.Text || t == row.Unknown }

func joinTexts(e *Env, x, y string) string {
	switch {
	case x == "":
		return y
	case y == "":
		return x
	}
	out := e.Scratch.Alloc(len(x) + len(y))
	copy(out[copy(out, x):], y)
	return row.String(out)
}

// asText makes text of any node as its cast to text does.
func (c *checker) asText(n *node) *node {
	if n.typ == row.Unknown {
		return c.settle(n, row.Text)
	}
	return cast(n, row.Text, nil)
}

// concatAll is concat(…): NULLs are left out. Values print by their output functions, so that true is t.
func concatAll(c *checker, n *syntax.Call, args []*node) *node {
	if !c.atLeast(n, args, 1) || anyBad(args) {
		return bad(n.Span)
	}
	parts := c.printed(args)
	out := combine("concat", row.Text, n.Span, parts)
	out.text = joinAll(printers(parts), func(*Env) (string, bool) { return "", false })
	return fold(out)
}

// concatWS is concat_ws(separator, …): a NULL separator gives NULL.
func concatWS(c *checker, n *syntax.Call, args []*node) *node {
	if !c.atLeast(n, args, 2) || anyBad(args) {
		return bad(n.Span)
	}
	sep := c.settle(args[0], row.Text)
	if sep.typ != row.Text {
		return c.fail(n.Span, "the first argument is the separator, a text", "function %s does not exist", signature(n.Name, args))
	}
	parts := append([]*node{sep}, c.printed(args[1:])...)
	out := combine("concat_ws", row.Text, n.Span, parts)
	out.text = joinAll(printers(parts[1:]), sep.text)
	return fold(out)
}

func (c *checker) printed(args []*node) []*node {
	out := make([]*node, len(args))
	for i, a := range args {
		out[i] = c.settle(a, row.Text)
	}
	return out
}

type printer func(e *Env, dst []byte) (out []byte, null bool)

func printers(args []*node) []printer {
	out := make([]printer, len(args))
	for i, a := range args {
		f, t := a.value(), a.typ
		out[i] = func(e *Env, dst []byte) ([]byte, bool) {
			v := f(e)
			return AppendText(dst, v, t), v.Null
		}
	}
	return out
}

func joinAll(parts []printer, separator func(*Env) (string, bool)) func(*Env) (string, bool) {
	return func(e *Env) (string, bool) {
		sep, sepNull := separator(e)
		out, any := e.Scratch.Alloc(3 * printed)[:0], false
		for _, p := range parts {
			mark := len(out)
			if any {
				out = append(out, sep...)
			}
			var null bool
			if out, null = p(e, out); null {
				out = out[:mark]
				continue
			}
			any = true
		}
		return row.String(out), sepNull
	}
}
