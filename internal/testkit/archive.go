package testkit

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/xi2/xz"
)

const (
	postgresVersion = "17.11.0"
	mavenCentral    = "https://repo1.maven.org/maven2"
)

// archives are the platforms that the binaries exist for, with the hash of each archive.
var archives = map[string]struct{ platform, sha256 string }{
	"linux/amd64":  {"linux-amd64", "0dd7b72b6f335b8ecfb355fa24c5781e8a93edd09880bb77eb52ebbf29b3e96d"},
	"linux/arm64":  {"linux-arm64v8", "8b042e0ea418b1927d95399207950da0734d27fe01e29503ade3bdc464ad4c2b"},
	"darwin/amd64": {"darwin-amd64", "d464ff178e9860ba204662ac23fa547504b7fd392392ff2fb92e3fd73b5bdb64"},
	"darwin/arm64": {"darwin-arm64v8", "a1c2786acb0c398f9b2d76806fc52f5dc8b222cbc8e9383a9b9702084daaf3a5"},
}

// binaries returns a directory that has bin/initdb and bin/postgres, unpacking it if this user has not done so before. It lies under the
// temporary directory and not in the user's cache, because root's server runs as another user, who cannot look into root's home.
func binaries() (string, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("millrace-postgres-%s-uid%d", postgresVersion, os.Getuid()))
	if mine(dir) {
		return dir, nil
	}
	jar, err := archive()
	if err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(os.TempDir(), "millrace-postgres-unpack-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(fresh) }() // gone already if the rename took it
	if err := os.Chmod(fresh, 0o755); err != nil {
		return "", err
	}
	if err := unpack(jar, fresh); err != nil {
		return "", fmt.Errorf("unpack Postgres: %w", err)
	}
	if err := os.Rename(fresh, dir); err != nil && !mine(dir) { // another test process may have been faster
		return "", fmt.Errorf("unpack Postgres: %w", err)
	}
	return dir, nil
}

// mine tells whether dir holds the binaries and belongs to this user: nobody else's are run.
func mine(dir string) bool {
	d, err := os.Lstat(dir)
	if err != nil || !d.IsDir() || !ownedByMe(d) {
		return false
	}
	_, err = os.Stat(filepath.Join(dir, "bin", "postgres"))
	return err == nil
}

// archive returns the archive's bytes, from the user's cache or from Maven.
func archive() ([]byte, error) {
	a, ok := archives[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return nil, fmt.Errorf("there is no Postgres to fetch for %s/%s: set MILLRACE_TEST_POSTGRES_URL", runtime.GOOS, runtime.GOARCH)
	}
	name := fmt.Sprintf("embedded-postgres-binaries-%s-%s.jar", a.platform, postgresVersion)
	cached := ""
	if cache, err := os.UserCacheDir(); err == nil {
		cached = filepath.Join(cache, "millrace", name)
		if b, err := os.ReadFile(cached); err == nil && sum(b) == a.sha256 {
			return b, nil
		}
	}
	b, err := fetch(fmt.Sprintf("%s/io/zonky/test/postgres/embedded-postgres-binaries-%s/%s/%s", maven(), a.platform, postgresVersion, name))
	if err != nil {
		return nil, fmt.Errorf("fetch Postgres: %w; without a network set MILLRACE_TEST_POSTGRES_URL", err)
	}
	if sum(b) != a.sha256 {
		return nil, fmt.Errorf("fetch Postgres: %s has SHA-256 %s, want %s", name, sum(b), a.sha256)
	}
	if cached != "" {
		keep(cached, b)
	}
	return b, nil
}

func maven() string {
	if m := os.Getenv("MILLRACE_TEST_MAVEN"); m != "" {
		return strings.TrimSuffix(m, "/")
	}
	return mavenCentral
}

// keep writes the cache; without one the archive is fetched again next time, which is no error.
func keep(path string, b []byte) {
	if os.MkdirAll(filepath.Dir(path), 0o755) != nil {
		return
	}
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	if os.WriteFile(tmp, b, 0o600) == nil {
		_ = os.Rename(tmp, path)
	}
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func fetch(url string) ([]byte, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true} // no goroutine outlives the answer
	res, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, res.Status)
	}
	return io.ReadAll(res.Body)
}

// unpack puts the .txz inside the jar into dir.
func unpack(jar []byte, dir string) error {
	z, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return err
	}
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".txz") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		defer func() { _ = r.Close() }() // read only
		x, err := xz.NewReader(r, 0)
		if err != nil {
			return err
		}
		return untar(tar.NewReader(x), dir)
	}
	return errors.New("the archive has no .txz")
}

func untar(t *tar.Reader, dir string) error {
	root, err := os.OpenRoot(dir) // no entry leaves it
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = entry(root, h, t)
		}
		if err != nil {
			return err
		}
	}
}

func entry(root *os.Root, h *tar.Header, t io.Reader) error {
	name := filepath.Clean(h.Name)
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	case tar.TypeReg:
		f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, fs.FileMode(h.Mode).Perm()|0o444)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, t)
		return errors.Join(err, f.Close())
	}
	return nil
}
