// Package expr compiles SQL expressions with Postgres's meaning to typed closures: lex and parse (package syntax), check, compile. It does
// no I/O. The rules of numbers are in pgnum, of dates in pgtime, of regular expressions in pgregex.
//
//	E1  an expression gives what a Postgres with collation C.UTF-8 and time zone UTC gives for it, or refuses to compile.
//	E2  every error of the source carries its byte offset in the source, and says how to mend it.
//	E3  a closure never panics on data: an error of evaluation goes to Env.Err and the closure returns NULL.
//	E4  closures keep no state between calls and share nothing mutable: one Expr may run on all cores, each with its own Env.
//
// E1 is held by tables of expressions with the answers of a Postgres 15 (testdata; go test -rewrite with MILLRACE_TEST_POSTGRES_URL asks a
// live one again) and by random expressions that are compared with a live one. What is different on purpose:
//
//   - A constant that fails, as 1/0, fails where and when it is evaluated. Postgres may fail while it plans, even in a CASE branch that
//     is never taken. Which of several errors of one row is reported is not promised.
//   - Regular expressions are RE2 with leftmost-longest matching, which is what Postgres does where all quantifiers are greedy; which
//     text a parenthesis inside the match has captured can differ. Refused: back-references, look-around, the word boundaries \m \M \y \Y,
//     the newline-sensitive options, [:punct:] [:graph:] [:print:], and non-greedy quantifiers where the length of a match counts.
//   - Timestamps end with 294247-01-09 instead of 294276-12-31. 'now', 'today' and the like, and zones by name other than UTC, are not read.
//   - What one record may make of a text with repeat or a pad ends at 16 MB instead of 1 GB.
//   - Case mapping and character classes follow the Unicode version of the Go release, not that of the server's C library.
//   - Arrays have one dimension; the text of a type varchar is text.
//
// A family of functions is a file with a table of overloads (tables.go names them). An overload says its argument types, its result and the
// builder of its closure; overloads are chosen by Postgres's rules (resolve.go). Forms with rules of their own are in choice.go and concat.go.
package expr
