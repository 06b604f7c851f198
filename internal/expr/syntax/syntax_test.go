package syntax

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// shape writes a tree with all its parentheses.
func shape(n Node) string {
	list := func(ns []Node) string {
		parts := make([]string, len(ns))
		for i, x := range ns {
			parts[i] = shape(x)
		}
		return strings.Join(parts, " ")
	}
	switch n := n.(type) {
	case *Literal:
		return n.Text
	case *Name:
		return strings.Join(n.Parts, ".")
	case *Call:
		return fmt.Sprintf("(%s %s)", n.Name, list(n.Args))
	case *Logic:
		return fmt.Sprintf("(%s %s)", n.Op, list(n.Args))
	case *Is:
		return fmt.Sprintf("(is %s %v %s)", n.What, n.Not, shape(n.X))
	case *In:
		return fmt.Sprintf("(in %s %s)", shape(n.X), list(n.List))
	case *Between:
		return fmt.Sprintf("(between %s %s %s)", shape(n.X), shape(n.Lo), shape(n.Hi))
	case *Cast:
		return fmt.Sprintf("(cast %s %s%v)", shape(n.X), n.Type.Name, n.Type.Mods)
	case *Index:
		return fmt.Sprintf("([] %s %s)", shape(n.X), shape(n.I))
	}
	return fmt.Sprintf("%T", n)
}

func TestOperatorsBindAsInPostgres(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"a or b and c", "(or a (and b c))"},
		{"a and b and c", "(and a b c)"},
		{"(a and b) and c", "(and (and a b) c)"},
		{"not a = b", "(not (= a b))"},
		{"a + b * c - d", "(- (+ a (* b c)) d)"},
		{"a ^ b ^ c", "(^ (^ a b) c)"},
		{"-a ^ b", "(^ (- a) b)"},
		{"-5 ^ 2", "(^ -5 2)"},
		{"a - -1", "(- a -1)"},
		{"-a::int", "(- (cast a int[]))"},
		{"a || b = c || d", "(= (|| a b) (|| c d))"},
		{"a + b || c", "(|| (+ a b) c)"},
		{"a < b is true", "(is true false (< a b))"},
		{"a between b and c and d", "(and (between a b c) d)"},
		{"a in (b, c) = d", "(= (in a b c) d)"},
		{"a not like b || c", "(!~~ a (|| b c))"},
		{"a like b escape c", "(~~ a (like_escape b c))"},
		{"position(a in b)", "(position b a)"},
		{"trim(both x from s)", "(btrim s x)"},
		{"substring(s for n)", "(substring s 1 n)"},
		{"extract(hour from t)", "(extract hour t)"},
		{"a[1][2]", "([] ([] a 1) 2)"},
		{"numeric(10, 2) '1'", "(cast 1 numeric[10 2])"},
		{"timestamp with time zone 'x'", "(cast x timestamp with time zone[])"},
		{"date > date 'x'", "(> date (cast x date[]))"},
		{"state.n + 1", "(+ state.n 1)"},
		{"a*-1", "(* a -1)"},
		{"a -- comment\n+ b /* /* nested */ */", "(+ a b)"},
		{`"Mixed Case" = A`, "(= Mixed Case a)"},
	} {
		n, err := Parse(c.source)
		require.Nil(t, err, c.source)
		require.Equal(t, c.want, shape(n), c.source)
	}
}

func TestNodesKnowWhereTheyStand(t *testing.T) {
	source := "lower( a ) = 'x' and (b + 1) > 2"
	n, err := Parse(source)
	require.Nil(t, err)
	text := func(n Node) string { return source[n.At().Pos:n.At().End] }
	and := n.(*Logic)
	require.Equal(t, source, text(and))
	require.Equal(t, "lower( a ) = 'x'", text(and.Args[0]))
	right := and.Args[1].(*Call)
	require.Equal(t, "(b + 1) > 2", text(right))
	require.Equal(t, "(b + 1)", text(right.Args[0]))
}
