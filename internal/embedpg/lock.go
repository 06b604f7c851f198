package embedpg

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrInUse means that another process owns the server's directory. Nothing was touched. End that process, or use another directory.
var ErrInUse = errors.New("embedpg: the directory is in use")

// lock takes a file until it is closed by this process and by all that inherited it; the system closes what a process leaves open.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is locked by another process", ErrInUse, path)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// lockWhenFree waits for the lock as long as ctx lets it.
func lockWhenFree(ctx context.Context, path string) (*os.File, error) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		f, err := lock(path)
		if !errors.Is(err, ErrInUse) {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the process that has locked %s: %w", path, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
