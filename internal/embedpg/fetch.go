package embedpg

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	fetchTimeout   = 5 * time.Minute
	maxArchiveSize = 128 << 20
)

// Install makes sure that o.Binaries has bin/postgres, as Start does: it downloads, checks and unpacks beside that folder and renames as the
// last step, so that it is whole or not there at all. One process at a time does so; the others wait, and find it done.
func Install(ctx context.Context, o Options) error {
	if exists(filepath.Join(o.Binaries, "bin", "postgres")) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(o.Binaries), 0o755); err != nil {
		return fmt.Errorf("make a place for Postgres: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	installing, err := lockWhenFree(ctx, o.Binaries+".lock")
	if err != nil {
		return err
	}
	defer func() { _ = installing.Close() }() // closing unlocks
	if exists(filepath.Join(o.Binaries, "bin", "postgres")) {
		return nil
	}
	return install(ctx, o)
}

func install(ctx context.Context, o Options) error {
	a, err := forThisMachine(o.Maven)
	if err != nil {
		return err
	}
	o.report("downloading Postgres " + Version + " from " + a.url)
	jar, err := download(ctx, a)
	if err != nil {
		return err
	}
	tarXZ, err := inJar(jar)
	if err != nil {
		return fmt.Errorf("open %s: %w", a.url, err)
	}
	defer func() { _ = tarXZ.Close() }() // it is only read
	return unpackBeside(tarXZ, o.Binaries)
}

// unpackBeside unpacks into a folder beside dir and gives it its name at the end. What a killed process has left there is removed.
func unpackBeside(tarXZ io.Reader, dir string) error {
	fresh := dir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("clear a half-unpacked Postgres: %w", err)
	}
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return fmt.Errorf("make a place for Postgres: %w", err)
	}
	defer func() { _ = os.RemoveAll(fresh) }() // after the rename there is nothing
	if err := unpack(tarXZ, fresh); err != nil {
		return fmt.Errorf("unpack Postgres into %s: %w", fresh, err)
	}
	if err := os.Chmod(fresh, 0o755); err != nil { // whatever the umask: the server may run as another user
		return fmt.Errorf("open %s to the server's user: %w", fresh, err)
	}
	if err := os.Rename(fresh, dir); err != nil {
		return fmt.Errorf("put Postgres in its place: %w", err)
	}
	return nil
}

// download returns the whole archive, checked (EP1).
func download(ctx context.Context, a archive) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", a.url, err)
	}
	once := http.DefaultTransport.(*http.Transport).Clone() // proxies and so on as the environment says
	defer once.CloseIdleConnections()
	resp, err := (&http.Client{Transport: once}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("download Postgres (is Maven Central reachable?): %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it is only read
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("download %s: the server answered %s", a.url, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxArchiveSize))
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", a.url, err)
	}
	if err := checkSum(body, a); err != nil {
		return nil, err
	}
	return body, nil
}

func checkSum(body []byte, a archive) error {
	if got := sha256.Sum256(body); hex.EncodeToString(got[:]) != a.sum {
		return fmt.Errorf("check %s: SHA-256 is %x, want %s: the download is broken or not what it was; it was not used", a.url, got, a.sum)
	}
	return nil
}

// inJar opens the one tar.xz that a jar holds.
func inJar(jar []byte) (io.ReadCloser, error) {
	z, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		return nil, err
	}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, ".txz") {
			return f.Open()
		}
	}
	return nil, errors.New("it holds no .txz")
}
