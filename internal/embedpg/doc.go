// Package embedpg runs a private Postgres server as a child process, for the demo and (through testkit) for tests. The server's binaries come
// from Maven Central (zonky's builds), are checked against the sums in this package, and are kept.
//
//	EP1  nothing is run whose SHA-256 is not the one in archive.go. Processes that install at once download once.
//	EP2  one process owns a server's directory at a time, and one server runs in it: both are locks on files. A server left behind by an
//	     owner that was killed has gone before the next one starts.
//	EP3  the server listens on 127.0.0.1 only, with a password made at its first start, and, unless told otherwise, on a free port.
//	EP4  Stop returns when the server process has gone. A Ctrl-C in the terminal does not reach the server: its owner stops it.
//	EP5  Postgres refuses to run as root; under root it runs as the user nobody, in a directory of that user.
//	EP6  what is run ends with its owner, however that ends; a scratch server's directory goes too.
//
// EP6 is the work of a shell between the owner and the server (guard.go): no signal on the parent's death, which only Linux has and
// which names a thread, and no process number that may belong to another process by now.
package embedpg
