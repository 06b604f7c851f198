// Package config reads the environment into one struct: what differs between deployments. It reads variables and the files that they
// name, and nothing else: it opens no connection.
//
//	N1  precedence is one line: default < environment. What a pipeline file sets too (interval, delivery, caps, workers) is the
//	    pipeline package's: it takes those variables through Getenv, so that default < file < environment is decided in one place.
//	N2  every bad variable is reported at once, with its name, its value and the cure.
//	N3  a secret is in no error, log line or dump; only Reveal gives it.
//	N4  a variable with our prefix that we do not know is an error: a typo must not pass for a default.
//
// Every variable can be given as NAME_FILE instead: the name of a file that holds the value, less one newline at its end.
package config
