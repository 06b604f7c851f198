package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/expr/pgnum"
	"github.com/millrace/millrace/internal/expr/syntax"
	"github.com/millrace/millrace/internal/row"
)

// checker turns a tree into nodes. It goes on after an error, so that all errors of a source are found at once: what depends on a bad
// node is bad without a further word.
type checker struct {
	src    string
	errs   []*Error
	lookup func(*syntax.Name) (*node, *Error)
	agg    func(*syntax.Call) *node // nil: aggregates are refused
}

func (c *checker) fail(at syntax.Span, cure, format string, args ...any) *node {
	c.errs = append(c.errs, &Error{Pos: at.Pos, End: at.End, Msg: fmt.Sprintf(format, args...), Cure: cure})
	return bad(at)
}

func (c *checker) check(n syntax.Node) *node {
	switch n := n.(type) {
	case *syntax.Literal:
		return c.literal(n)
	case *syntax.Name:
		return c.name(n)
	case *syntax.Call:
		return c.call(n)
	case *syntax.Logic:
		return c.logic(n)
	case *syntax.Is:
		return c.is(n)
	case *syntax.In:
		return c.in(n)
	case *syntax.Between:
		return c.between(n)
	case *syntax.Case:
		return c.caseOf(n)
	case *syntax.Cast:
		return c.castTo(n)
	case *syntax.Index:
		return c.index(n)
	case *syntax.Array:
		return c.array(n)
	}
	return c.fail(n.At(), "", "syntax error")
}

func (c *checker) literal(l *syntax.Literal) *node {
	switch l.Kind {
	case syntax.True, syntax.False:
		return constant(row.OfBool(l.Kind == syntax.True), row.Bool, l.Span)
	case syntax.Null:
		return constant(row.NullValue, row.Unknown, l.Span)
	case syntax.String:
		return constant(row.OfText(l.Text), row.Unknown, l.Span)
	}
	if n, err := pgnum.Int8.Parse(l.Text); err == nil {
		t := row.Int8
		if pgnum.Int4.Fits(n) {
			t = row.Int4
		}
		return constant(row.OfInt(n), t, l.Span)
	}
	d, err := pgnum.ParseNumeric(l.Text)
	if err != nil {
		return c.fail(l.Span, "write fewer digits", "%v", err)
	}
	return constant(row.OfRef(d), row.Numeric, l.Span)
}

func (c *checker) name(n *syntax.Name) *node {
	x, err := c.lookup(n)
	if err != nil {
		c.errs = append(c.errs, err)
		return bad(n.Span)
	}
	return x
}

// call checks an operator, a form with rules of its own, an aggregate, or a plain function.
func (c *checker) call(n *syntax.Call) *node {
	if n.Operator {
		return c.operator(n.Name, n.Span, n.NameAt, c.all(n.Args)...)
	}
	if isAggregate(n.Name) {
		if c.agg == nil {
			return c.fail(n.Span, "aggregate in the values of a keyed step", "aggregate functions are not allowed here")
		}
		return c.agg(n)
	}
	if x := c.refuseForm(n); x != nil {
		return x
	}
	if form := formOf(n.Name); form != nil {
		return form(c, n, c.all(n.Args))
	}
	return c.function(n, c.all(n.Args))
}

func (c *checker) refuseForm(n *syntax.Call) *node {
	switch {
	case volatile[n.Name] != "":
		return c.fail(n.NameAt, volatile[n.Name], "%s() is volatile: a replay would not give the same value", n.Name)
	case elsewhere[n.Name] != "":
		return c.fail(n.NameAt, elsewhere[n.Name], "%s(): not in this version", n.Name)
	case n.Star:
		return c.fail(n.Span, "write the arguments", "%s(*) specified, but %s is not an aggregate function", n.Name, n.Name)
	case n.Distinct:
		return c.fail(n.Span, "remove DISTINCT", "DISTINCT specified, but %s is not an aggregate function", n.Name)
	case n.Filter != nil:
		return c.fail(n.Span, "use CASE WHEN … END", "FILTER specified, but %s is not an aggregate function", n.Name)
	}
	return nil
}

func (c *checker) all(list []syntax.Node) []*node {
	out := make([]*node, len(list))
	for i, n := range list {
		out[i] = c.check(n)
	}
	return out
}

func anyBad(args []*node) bool {
	for _, a := range args {
		if a.typ == invalid {
			return true
		}
	}
	return false
}

func typesOf(args []*node) []row.Type {
	types := make([]row.Type, len(args))
	for i, a := range args {
		types[i] = a.typ
	}
	return types
}

// function calls a function of the table.
func (c *checker) function(n *syntax.Call, args []*node) *node {
	list, known := functions[n.Name]
	if !known {
		return c.fail(n.NameAt, suggest(n.Name, functionNames()), "function %s does not exist", signature(n.Name, args))
	}
	if anyBad(args) {
		return bad(n.Span)
	}
	o, ambiguous := resolve(list, typesOf(args))
	switch {
	case ambiguous:
		return c.fail(n.Span, "add a cast to an argument: x::text", "function %s is not unique", signature(n.Name, args))
	case o == nil:
		return c.fail(n.Span, "it takes "+signatures(n.Name, list)+"; add a cast", "function %s does not exist", signature(n.Name, args))
	}
	return c.apply(n.Name, o, n.Span, args)
}

// operator applies an operator to one or two operands.
func (c *checker) operator(name string, at, nameAt syntax.Span, args ...*node) *node {
	if anyBad(args) {
		return bad(at)
	}
	if name == "||" && len(args) == 2 {
		return c.concat(at, nameAt, args)
	}
	list, known := operators[name]
	if !known {
		return c.fail(nameAt, "see the list of operators", "operator does not exist: %s", spelled(name, args))
	}
	o, ambiguous := resolveOperator(list, typesOf(args))
	switch {
	case ambiguous:
		return c.fail(at, "add a cast to an operand: '…'::timestamptz", "operator is not unique: %s", spelled(name, args))
	case o == nil:
		return c.fail(at, "add a cast: "+castCure(c.src, args), "operator does not exist: %s", spelled(name, args))
	}
	return c.apply(name, o, at, args)
}

// castCure proposes to cast the text side to the other side's type.
func castCure(src string, args []*node) string {
	if len(args) == 2 {
		for i, a := range args {
			if other := args[1-i]; a.typ == row.Text && other.typ != row.Unknown && other.typ != row.Text && other.typ.String() != "invalid" {
				return src[a.at.Pos:a.at.End] + "::" + other.typ.String()
			}
		}
	}
	return "x::type"
}

// apply settles the arguments to an overload's types and makes the call.
func (c *checker) apply(name string, o *overload, at syntax.Span, args []*node) *node {
	if o.refuse != "" {
		return c.fail(at, o.refuse, "%s(%s): not in this version", name, typeList(o.args))
	}
	settled := make([]*node, len(args))
	for i, a := range args {
		settled[i] = c.implicit(a, o.args[i])
	}
	if anyBad(settled) {
		return bad(at)
	}
	if !o.lax && anyNull(settled) {
		return constant(row.NullValue, o.ret, at)
	}
	n := combine(name, o.ret, at, settled)
	if err := c.build(o.build, n, settled); err != nil {
		return c.fail(at, "mend the constant", "%v", err)
	}
	return fold(n)
}

// anyNull: a strict function of the constant NULL is NULL whatever its other arguments, which Postgres then does not evaluate.
func anyNull(args []*node) bool { return slices.ContainsFunc(args, (*node).isNull) }

// build lets a builder refuse a constant argument (a pattern, a unit) by an error.
func (c *checker) build(b builder, n *node, args []*node) (err error) {
	n.refuse = func(e error) { err = e }
	b(n, args)
	n.refuse = nil
	return err
}

// implicit settles an argument to the type that is wanted; that there is an implicit cast is known.
func (c *checker) implicit(a *node, to row.Type) *node {
	switch {
	case to == anyElement && a.typ == row.Unknown:
		return c.settle(a, row.Text)
	case to == anyArray && a.typ == row.Unknown:
		return c.fail(a.at, "add a cast: x::text[]", "could not determine polymorphic type because input has type unknown")
	case to == anyElement || to == anyArray || a.typ == to:
		return a
	case a.typ == row.Unknown:
		return c.settle(a, to)
	}
	return cast(a, to, nil)
}

// settle reads an untyped literal as a value of a type.
func (c *checker) settle(a *node, to row.Type) *node {
	if a.typ != row.Unknown {
		return a
	}
	if a.val.Null {
		return constant(row.NullValue, to, a.at)
	}
	v, err := ParseText(a.val.S, to)
	if err != nil {
		return c.fail(a.at, "write a value of type "+to.String(), "%v", err)
	}
	return constant(v, to, a.at)
}

func signature(name string, args []*node) string { return name + "(" + typeList(typesOf(args)) + ")" }

func typeList(types []row.Type) string {
	parts := make([]string, len(types))
	for i, t := range types {
		parts[i] = typeName(t)
	}
	return strings.Join(parts, ", ")
}

func typeName(t row.Type) string {
	switch t {
	case anyArray:
		return "anyarray"
	case anyElement:
		return "any"
	}
	return t.String()
}

func signatures(name string, list []overload) string {
	parts := make([]string, 0, len(list))
	for _, o := range list {
		parts = append(parts, name+"("+typeList(o.args)+")")
	}
	if len(parts) > 4 {
		parts = append(parts[:4], "…")
	}
	return strings.Join(parts, ", ")
}

func spelled(name string, args []*node) string {
	if len(args) == 1 {
		return name + " " + typeName(args[0].typ)
	}
	return typeName(args[0].typ) + " " + name + " " + typeName(args[1].typ)
}
