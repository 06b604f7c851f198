package embedpg

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/xi2/xz"
)

// unpack writes a tar.xz into dir. The root keeps every path inside dir, whatever the archive says.
func unpack(tarXZ io.Reader, dir string) error {
	plain, err := xz.NewReader(tarXZ, 0)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // nothing is written through it after this
	for files := tar.NewReader(plain); ; {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpackOne(root, head, files); err != nil {
			return fmt.Errorf("%s: %w", head.Name, err)
		}
	}
}

func unpackOne(root *os.Root, head *tar.Header, content io.Reader) error {
	name := filepath.Clean(head.Name)
	if err := openDir(root, filepath.Dir(name)); err != nil {
		return err
	}
	switch head.Typeflag {
	case tar.TypeDir:
		return openDir(root, name)
	case tar.TypeSymlink:
		return root.Symlink(head.Linkname, name)
	case tar.TypeReg:
		return unpackFile(root, name, head.FileInfo().Mode().Perm()|0o444, content)
	}
	return fmt.Errorf("unexpected kind %q", head.Typeflag)
}

// openDir makes a folder, and the ones above it, that every user may read.
func openDir(root *os.Root, name string) error {
	if name == "." {
		return nil
	}
	if err := root.Mkdir(name, 0o755); err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil
		}
		if err := openDir(root, filepath.Dir(name)); err != nil {
			return err
		}
		if err := root.Mkdir(name, 0o755); err != nil {
			return err
		}
	}
	return root.Chmod(name, 0o755)
}

func unpackFile(root *os.Root, name string, mode os.FileMode, content io.Reader) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Chmod(mode), f.Close()) // Chmod: whatever the umask, the server's user must read it
}
