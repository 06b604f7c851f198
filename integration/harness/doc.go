//go:build integration

// Package harness runs the real binary against real servers: Kafka and Postgres in containers, the processor as a child process that can
// be killed, stopped and woken. It knows what Millrace promises to the outside (environment, exit codes, tables), and imports nothing
// of its inside but the list of crash points.
//
//	H1  servers are made once per test binary and ended by Main; a test gets a database of its own and topics of its own.
//	H2  a server keeps its address when it is stopped and started: its port on the host is chosen before it is created.
//	H3  no process outlives the test that started it, also one that is stopped (SIGSTOP).
//	H4  a test that was skipped or not run is a line of the summary, and .ci/run fails on it.
package harness
