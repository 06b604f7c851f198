//go:build !linux

package offsets

import "syscall"

// boundUnacked does nothing here: the system has no such option, and idle probes remain.
func boundUnacked(string, string, syscall.RawConn) error { return nil }
