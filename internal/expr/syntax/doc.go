// Package syntax reads the source of SQL expressions into a tree that knows where in the source everything stands. It gives forms with
// words in them (IN, BETWEEN, position(a in b), trim(both from s)) the shape of plain calls, and knows nothing of types.
//
//	X1  every node carries the half-open range of source bytes that it came from.
//	X2  precedence and associativity are Postgres's (gram.y), comparison included: `a < b < c` is an error.
//	X3  a source is at most MaxSource bytes and nests at most MaxDepth deep; more is an error, not a deeper stack.
package syntax
