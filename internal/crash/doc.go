// Package crash names the places where the protocol must survive the death or the sleep of its process, and makes them happen in tests.
// In a release build Point does nothing and costs nothing. Built with `-tags crashpoints` it reads two variables when it is first passed:
//
//	MILLRACE_CRASH_AT=name[:n]  the n-th passage of that point (default the first) kills the process with SIGKILL
//	MILLRACE_STOP_AT=name[:n]   the n-th passage stops it with SIGSTOP: it becomes a zombie once something sends SIGCONT
//
//	CP1  a name that is not in names.go, or a count below 1, ends the process with status 2 at the first passage of any point: a test that
//	     means to crash somewhere must not pass because of a typing error.
//	CP2  a point decides nothing: the code around it is the same with and without the tag.
package crash
