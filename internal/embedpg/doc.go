// Package embedpg runs a private Postgres server as a child process, for the demo and for tests that need a real one where none is
// installed. The server's binaries come from Maven Central (zonky's builds), are checked against the sums in this package, and are kept.
//
//	G1  nothing is run whose SHA-256 is not the one in archive.go.
//	G2  one process owns a server's directory at a time (a lock on a file); a server left behind by an owner that was killed is
//	    stopped before the next one starts.
//	G3  the server listens on 127.0.0.1 only, on a free port, with a password made at its first start.
//	G4  Stop returns when the server process has gone. A Ctrl-C in the terminal does not reach the server: its owner stops it.
//	G5  Postgres refuses to run as root; under root it runs as the user nobody, in a directory of that user.
package embedpg
