// Package pipeline reads a pipeline file and makes the plan of it: parse, check, compile. It reads the file and the environment that
// it is given, and nothing else: no Kafka, no Postgres, no clock.
//
//	F1  nothing in a file is ignored: a key, a tag, an anchor, a comment glued to an expression, a second document is read or refused.
//	F2  every problem is reported at once, each with its position in the file, its path and, where there is one, its cure; a problem
//	    that only follows from another one is not reported.
//	F3  what the design lists and this version does not build is refused with "not in this version", at its position.
//	F4  a plan that is returned keeps the plan's invariants P1 to P3, and its operator IDs differ as state keys too.
//	F5  the same file and environment give the same plan: no map order decides anything.
//
// How a file becomes a plan:
//
//	document → value (a YAML node with its path) → declarations (names, who reads whom) → flows (the rows between two steps) → plan
package pipeline
