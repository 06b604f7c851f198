// Package expr compiles SQL expressions with Postgres's meaning to typed closures: lex, parse, check, compile. It does no I/O.
//
//	E1  an expression gives what a Postgres with collation C.UTF-8 and time zone UTC gives for it, or refuses to compile.
//	E2  every error of the source carries its byte offset in the source, and says how to mend it.
//	E3  a closure never panics on data: an error of evaluation goes to Env.Err and the closure returns NULL.
//	E4  closures keep no state between calls and share nothing mutable: one Expr may run on all cores, each with its own Env.
package expr
