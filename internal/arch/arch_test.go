package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module = "github.com/millrace/millrace/"
	root   = "../.."
)

// imports reads, for every package of the project, what its code imports: tests are left out, build tags are not looked at.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (d.Name() == "testdata" || d.Name() == "build" || strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		require.NoError(t, err)
		dir = filepath.ToSlash(dir)
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		require.NoError(t, err)
		found[dir] = append(found[dir], []string{}...) // a package without imports is a package
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			found[dir] = append(found[dir], name)
		}
		return nil
	})
	require.NoError(t, err)
	return found
}

func under(path, parent string) bool { return path == parent || strings.HasPrefix(path, parent+"/") }

func TestImportsPointOneWay(t *testing.T) {
	for pkg, paths := range imports(t) {
		allowed, known := mayImport[pkg]
		if !known {
			t.Errorf("A3: package %s is not in the import table: give it a line in internal/arch/table_test.go", pkg)
			continue
		}
		for _, path := range paths {
			inside, ours := strings.CutPrefix(path, module)
			if ours && !slices.Contains(allowed, inside) {
				t.Errorf("A1: %s must not import %s", pkg, inside)
			}
		}
	}
}

func TestTheTableHasNoCycle(t *testing.T) {
	done := map[string]bool{}
	var visit func(pkg string, path []string)
	visit = func(pkg string, path []string) {
		require.NotContains(t, path, pkg, "the table lets packages import each other")
		if done[pkg] {
			return
		}
		for _, next := range mayImport[pkg] {
			visit(next, append(slices.Clone(path), pkg))
		}
		done[pkg] = true
	}
	for _, pkg := range slices.Sorted(maps.Keys(mayImport)) {
		visit(pkg, nil)
	}
}

func TestEveryPackageOfTheTableIsThere(t *testing.T) {
	found := imports(t)
	for pkg, allowed := range mayImport {
		for _, p := range append([]string{pkg}, allowed...) {
			if _, ok := found[p]; !ok {
				t.Errorf("A3: the import table names %s, which is not there", p)
			}
		}
	}
}

func TestEachOutsideSystemIsSpokenToInOnePlace(t *testing.T) {
	for pkg, paths := range imports(t) {
		for _, path := range paths {
			if why, is := forbidden[path]; is {
				t.Errorf("A2: %s imports %s: %s", pkg, path, why)
			}
			for _, d := range drivers {
				if under(path, d.path) && !slices.Contains(d.only, pkg) {
					t.Errorf("A2: %s must not import %s: that is for %s", pkg, path, strings.Join(d.only, ", "))
				}
			}
		}
	}
}

var inText = regexp.MustCompile(`\b(?:cmd|internal|integration|dstream|examples)/[a-z0-9_]+(?:/[a-z0-9_]+)*\b`)

func TestTheArchitecturePageNamesEveryPackageAndNoOther(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	require.NoError(t, err)
	named := inText.FindAllString(string(page), -1)
	for pkg := range imports(t) {
		if !slices.Contains(named, pkg) {
			t.Errorf("A3: ARCHITECTURE.md does not name %s", pkg)
		}
	}
	for _, name := range named {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil && !isFile(name) {
			t.Errorf("A3: ARCHITECTURE.md names %s, which is not there", name)
		}
	}
}

// isFile: the page may name a file, whose ending the expression does not take.
func isFile(name string) bool {
	files, err := filepath.Glob(filepath.Join(root, name+".*"))
	return err == nil && len(files) > 0
}
