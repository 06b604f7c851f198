// Package testkit gives tests a real Postgres and the faults of a network, with nothing installed on the machine.
//
//	TK1  a test gets a database of its own, and finds nothing in it.
//	TK2  the server listens on loopback only, on a free port, and ends with the test process, however that ends; its data go too.
//	TK3  a proxy decides by the bytes that pass, never by time, so that a test meets the moment that it means.
//
// The server is embedpg's, set for speed: only a crash of the machine would show the difference. MILLRACE_TEST_POSTGRES_URL names another
// server to use: its role must be allowed to create databases. MILLRACE_TEST_MAVEN names a mirror of Maven Central. A package whose tests use
// the server calls Main from its TestMain.
package testkit
