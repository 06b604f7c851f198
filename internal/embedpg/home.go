package embedpg

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// home is the folder of one server, and who it belongs to.
type home struct {
	dir, binaries string
	scratch       bool
	runAs         *syscall.Credential // nil: as ourselves
	running       *os.File            // locked by what runs here, and by us
}

// openHome makes the folder. Under root it is given to the user that the server will run as (EP5).
func openHome(o Options) (home, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return home{}, fmt.Errorf("find %s: %w", o.Dir, err)
	}
	binaries, err := filepath.Abs(o.Binaries)
	if err != nil {
		return home{}, fmt.Errorf("find %s: %w", o.Binaries, err)
	}
	h := home{dir: dir, binaries: binaries, scratch: o.Scratch}
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

// Binaries is the place of this version in a cache folder.
func Binaries(cache string) string { return filepath.Join(cache, "postgres-"+Version) }

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
	args := []string{"-D", dir, "-U", superuser, "-A", "scram-sha-256", "--pwfile=" + secret, "--no-instructions", "--encoding=UTF8", "--locale=C",
		"--locale-provider=builtin", "--builtin-locale=C.UTF-8"}
	if h.scratch {
		args = append(args, "--no-sync")
	}
	p, err := h.run(ctx, "initdb", args...)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("make a data directory: %w", context.Cause(ctx)), p.stop())
	case <-p.ended:
	}
	if p.err != nil {
		return fmt.Errorf("make a data directory: %w: %s", p.err, h.lastWords())
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

func (h home) log() string { return filepath.Join(h.dir, "log") }

// lastWords is the end of the log.
func (h home) lastWords() string {
	const most = 600
	b, err := os.ReadFile(h.log())
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b[max(0, len(b)-most):]))
}

func (h home) pidFile() string { return filepath.Join(h.data(), "postmaster.pid") }

// ready tells whether the server takes connections. It says so in line 8 of its pid file (pg_ctl looks there too).
func (h home) ready() bool {
	b, err := os.ReadFile(h.pidFile())
	lines := strings.Split(string(b), "\n")
	return err == nil && len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready"
}

// takeOver waits until what a killed owner left has ended (EP2): its guard is ending it. The pid file of a server that was killed too, or whose
// machine was, goes then: Postgres would not start if its number belonged to another process by now.
func (h *home) takeOver(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if h.running, err = lockWhenFree(ctx, filepath.Join(h.dir, "running")); err != nil {
		return fmt.Errorf("stop the Postgres that an earlier process left: %w", err)
	}
	if err := os.Remove(h.pidFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove a stale pid file: %w", err)
	}
	return nil
}
