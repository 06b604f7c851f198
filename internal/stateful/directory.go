package stateful

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	folder     = "millrace.state" // S7
	lockFile   = "LOCK"           // Pebble's name
	ownerFile  = "OWNER"
	ownerTitle = "millrace state, format 1"
)

// directory is the store's own folder, locked.
type directory struct {
	fs   vfs.FS
	path string
	lock *pebble.Lock
}

func lockDirectory(fs vfs.FS, dir string) (directory, error) {
	d := directory{fs: fs}
	if fs == vfs.Default {
		if abs, err := filepath.Abs(dir); err == nil { // the lock knows a directory by its name
			dir = abs
		}
	}
	d.path = fs.PathJoin(dir, folder)
	if err := fs.MkdirAll(d.path, 0o700); err != nil {
		return d, explainDir(dir, err)
	}
	lock, err := pebble.LockDirectory(d.path, fs)
	if err != nil {
		if isEnvironment(err) {
			return d, explainDir(dir, err)
		}
		return d, fmt.Errorf("%w: %s%s; stop it, or set MILLRACE_STATE_DIR to another directory", ErrLocked, dir, d.holder())
	}
	d.lock = lock
	return d, nil
}

func (d directory) unlock() error { return d.lock.Close() }

// holder names the process that wrote the owner's file, if it can be read.
func (d directory) holder() string {
	_, pid, ok := strings.Cut(d.read(), "pid ")
	if !ok {
		return " is locked by another process"
	}
	return " is locked by process " + strings.TrimSpace(pid)
}

func (d directory) read() string {
	f, err := d.fs.Open(d.fs.PathJoin(d.path, ownerFile))
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return ""
	}
	return string(b)
}

// unusable says why what is in the folder cannot be opened; empty if it can, or if the folder is empty.
func (d directory) unusable() string {
	names, err := d.fs.List(d.path)
	if err != nil {
		return err.Error()
	}
	if len(names) == 0 || len(names) == 1 && names[0] == lockFile {
		return ""
	}
	title, _, _ := strings.Cut(d.read(), "\n")
	switch title {
	case ownerTitle:
		return ""
	case "":
		return "the store that was here died or was not finished"
	default:
		return fmt.Sprintf("it is of another format: %q", title)
	}
}

// own writes the owner's file; it is synced, so that a crash of the machine does not cost the state for want of it.
func (d directory) own() error {
	name := d.fs.PathJoin(d.path, ownerFile)
	f, err := d.fs.Create(name+".tmp", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(ownerTitle + "\npid " + strconv.Itoa(os.Getpid()) + "\n"))
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = d.fs.Rename(name+".tmp", name)
	}
	if err != nil {
		return err
	}
	return d.sync()
}

func (d directory) sync() error {
	f, err := d.fs.OpenDir(d.path)
	if err != nil {
		return err
	}
	err = f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// disown makes the next Open wipe. A file can be deleted on a full disk.
func (d directory) disown() { _ = d.fs.Remove(d.fs.PathJoin(d.path, ownerFile)) }

// wipe deletes all but the lock, the owner's file first: an unfinished wipe is finished by the next Open.
func (d directory) wipe() error {
	d.disown()
	names, err := d.fs.List(d.path)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == lockFile {
			continue
		}
		if err := d.fs.RemoveAll(d.fs.PathJoin(d.path, name)); err != nil {
			return err
		}
	}
	return nil
}

// isEnvironment tells whether the disk or its permissions refuse, rather than what is stored there.
func isEnvironment(err error) bool {
	var pathErr *os.PathError
	if errors.Is(err, os.ErrPermission) {
		return errors.As(err, &pathErr) // a lock that is held answers EACCES on some systems, without a path
	}
	for _, errno := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.ENOTDIR, syscall.EMFILE, syscall.ENFILE} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

func explainDir(dir string, err error) error {
	cure := "set MILLRACE_STATE_DIR to a writable directory on a healthy disk"
	switch {
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS), errors.Is(err, syscall.ENOTDIR):
		cure = "set MILLRACE_STATE_DIR to a writable directory"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		cure = "make room there, or set MILLRACE_STATE_DIR to a directory with room"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		cure = "raise the limit of open files (ulimit -n)"
	}
	return fmt.Errorf("%w: %s: %w; %s", ErrStateDir, dir, err, cure)
}
