// Package pgregex is Postgres's advanced regular expressions on Go's engine: it rewrites a pattern, and searches, replaces and splits as
// Postgres does. What RE2 cannot have is refused with words.
//
//	G1  matching is leftmost-longest. That is Postgres's rule where all quantifiers are greedy; patterns with others say so (Lazy).
//	G2  classes are those of the C library's C.UTF-8 locale: letters of all scripts, blanks but for the no-break ones, ASCII digits.
//	G3  splitting and replacing by one set of characters, alone or with +, does not use the engine and takes no allocation.
package pgregex
