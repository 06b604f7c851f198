//go:build !linux

package embedpg

import "syscall"

// childAttributes gives the child a session of its own. A server whose owner is killed goes on until the next start stops it.
func childAttributes(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Credential: as}
}

// serves tells whether the process is there; whether it is a server cannot be told here.
func serves(pid int, _ string) bool { return syscall.Kill(pid, 0) == nil }
