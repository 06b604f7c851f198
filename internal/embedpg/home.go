package embedpg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// home is the folder of one server, and who it belongs to.
type home struct {
	dir, binaries string
	runAs         *syscall.Credential // nil: as ourselves
}

// openHome makes the folder. Under root it is given to the user that the server will run as (G5).
func openHome(o Options) (home, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return home{}, fmt.Errorf("find %s: %w", o.Dir, err)
	}
	binaries, err := filepath.Abs(o.Binaries)
	if err != nil {
		return home{}, fmt.Errorf("find %s: %w", o.Binaries, err)
	}
	h := home{dir: dir, binaries: binaries}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return home{}, fmt.Errorf("make a home for Postgres: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return home{}, fmt.Errorf("make a home for Postgres: %w", err)
	}
	if os.Geteuid() != 0 {
		return h, nil
	}
	if h.runAs, err = nobody(); err != nil {
		return home{}, err
	}
	if closed := unreachable(dir); closed != "" {
		return home{}, fmt.Errorf("run Postgres in %s: it does not run as root, and other users may not enter %s; use a folder such as %s", dir, closed, rootCache)
	}
	if err := os.Chown(dir, int(h.runAs.Uid), int(h.runAs.Gid)); err != nil {
		return home{}, fmt.Errorf("give %s to the user nobody: %w", dir, err)
	}
	return h, nil
}

// rootCache is for root, whose own cache other users cannot enter.
const rootCache = "/var/cache/millrace"

// Cache returns dir if a server can live below it, else a folder of the system where it can: Postgres does not run as root, and other
// users may not enter root's home.
func Cache(dir string) string {
	if os.Geteuid() == 0 && unreachable(dir) != "" {
		return rootCache
	}
	return dir
}

// unreachable is the first folder above path that other users may not enter; "" if there is none. A folder that is not there yet will be
// made so that they may.
func unreachable(path string) string {
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o001 == 0 {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

func nobody() (*syscall.Credential, error) {
	u, err := user.Lookup("nobody")
	if err != nil {
		return nil, fmt.Errorf("find a user for Postgres, which does not run as root: %w", err)
	}
	uid, errU := strconv.ParseUint(u.Uid, 10, 32)
	gid, errG := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(errU, errG); err != nil {
		return nil, fmt.Errorf("find a user for Postgres, which does not run as root: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func (h home) data() string { return filepath.Join(h.dir, "data") }

// command prepares one of Postgres's programs. It gets a session of its own (G4), and an environment without ours: PGDATA and the like
// would be obeyed.
func (h home) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(h.binaries, "bin", program), args...)
	cmd.Dir = h.dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = childAttributes(h.runAs)
	return cmd
}

// init makes the data directory at the first start; it appears whole or not at all. It returns the server's password.
func (h home) init(ctx context.Context, report func(string)) (string, error) {
	secret := filepath.Join(h.dir, "password")
	if exists(filepath.Join(h.data(), "PG_VERSION")) {
		password, err := os.ReadFile(secret)
		if err != nil {
			return "", fmt.Errorf("read the password of Postgres: %w", err)
		}
		return string(password), nil
	}
	report("making a database in " + h.data())
	password := rand.Text()
	if err := h.write(secret, password); err != nil {
		return "", err
	}
	fresh := h.data() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return "", fmt.Errorf("clear a half-made data directory: %w", err)
	}
	if err := h.initdb(ctx, fresh, secret); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, h.data()); err != nil {
		return "", fmt.Errorf("put the data directory in its place: %w", err)
	}
	return password, nil
}

// initdb chooses what Millrace's expressions mean: UTF-8, byte order of characters, UTC.
func (h home) initdb(ctx context.Context, dir, secret string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cmd := h.command(ctx, "initdb", "-D", dir, "-U", superuser, "-A", "scram-sha-256", "--pwfile="+secret, "--encoding=UTF8", "--locale=C",
		"--locale-provider=builtin", "--builtin-locale=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make a data directory: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

func (h home) write(path, text string) error {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if h.runAs == nil {
		return nil
	}
	if err := os.Chown(path, int(h.runAs.Uid), int(h.runAs.Gid)); err != nil {
		return fmt.Errorf("give %s to the user nobody: %w", path, err)
	}
	return nil
}

// lastWords is the end of the server's log.
func (h home) lastWords() string {
	const most = 600
	b, err := os.ReadFile(filepath.Join(h.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b[max(0, len(b)-most):]))
}

// postmaster is what a server's pid file says.
type postmaster struct {
	pid   int
	ready bool
}

// postmaster reads the pid file: line 1 is the process, line 8 its state.
func (h home) postmaster() (postmaster, bool) {
	b, err := os.ReadFile(h.pidFile())
	if err != nil {
		return postmaster{}, false
	}
	lines := strings.Split(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil {
		return postmaster{}, false
	}
	return postmaster{pid: pid, ready: len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready"}, true
}

func (h home) pidFile() string { return filepath.Join(h.data(), "postmaster.pid") }

// stopOrphan ends a server whose owner was killed (G2: we hold the lock, so it has none). The number in its pid file may have gone to
// another process meanwhile: that one is left alone.
func (h home) stopOrphan(ctx context.Context) error {
	p, ok := h.postmaster()
	if !ok {
		return nil
	}
	if !serves(p.pid, h.data()) {
		return removeStale(h.pidFile())
	}
	if err := syscall.Kill(p.pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stop the Postgres that an earlier process left (pid %d): %w", p.pid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for serves(p.pid, h.data()) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("stop the Postgres that an earlier process left (pid %d): %w", p.pid, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return nil
}

func removeStale(pidFile string) error {
	if err := os.Remove(pidFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the stale %s: %w", pidFile, err)
	}
	return nil
}
