package embedpg

import (
	"fmt"
	"os"
	"syscall"
)

// childAttributes ends the server in good order should its owner be killed.
func childAttributes(as *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Credential: as, Pdeathsig: syscall.SIGINT}
}

// serves tells whether the process is a server on this data directory: a server works in it.
func serves(pid int, data string) bool {
	dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	return err == nil && dir == data
}
