package testkit

import (
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// nobody runs the server when the tests run as root: Postgres refuses to be root.
const nobody = 65534

func ownedByMe(i fs.FileInfo) bool {
	s, ok := i.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Getuid()
}

// asServer makes cmd run as the user that the server runs as, in a process group of its own: an interrupt at the terminal is for the tests.
func asServer(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return cmd
}

// give makes dir the server's.
func give(dir string) error {
	if os.Getuid() == 0 {
		return os.Chown(dir, nobody, nobody)
	}
	return nil
}
