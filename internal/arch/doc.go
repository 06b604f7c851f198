// Package arch holds the import table of the project and the tests that keep it true; it has no code of its own.
//
//	A1  imports point one way: a package imports only what its line in the table names.
//	A2  each outside system is spoken to in one place: its driver is imported only there, and by what starts such a system for tests.
//	A3  the table and ARCHITECTURE.md name every package, and nothing that is not there.
package arch
