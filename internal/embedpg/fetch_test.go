package embedpg

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADownloadWithAnotherSumIsNotUsed(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("evil")) }))
	defer web.Close()
	body, err := download(t.Context(), archive{url: web.URL, sum: sums["linux-amd64"]})
	require.ErrorContains(t, err, "it was not used")
	require.Empty(t, body)
}

func TestAMissingArchiveIsSaidWithItsAddress(t *testing.T) {
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	_, err := download(t.Context(), archive{url: web.URL + "/x.jar"})
	require.ErrorContains(t, err, web.URL+"/x.jar")
	require.ErrorContains(t, err, "404")
}

func TestPlatformsAreNamedAsInTheRepository(t *testing.T) {
	require.Equal(t, "linux-amd64", platform("linux", "amd64", false))
	require.Equal(t, "linux-arm64v8", platform("linux", "arm64", false))
	require.Equal(t, "linux-amd64-alpine", platform("linux", "amd64", true))
	_, err := archiveFor("", "plan9-mips")
	require.ErrorContains(t, err, "use a Postgres of your own")
	const path = "/io/zonky/test/postgres/embedded-postgres-binaries-darwin-amd64/" + Version + "/embedded-postgres-binaries-darwin-amd64-" + Version + ".jar"
	for _, maven := range []string{"", "https://mirror.example/maven", "https://mirror.example/maven/"} {
		a, err := archiveFor(maven, "darwin-amd64")
		require.NoError(t, err)
		require.Equal(t, strings.TrimSuffix(cmp.Or(maven, mavenCentral), "/")+path, a.url)
	}
}

func TestAJarWithoutAnArchiveIsRefused(t *testing.T) {
	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	_, err := z.Create("META-INF/MANIFEST.MF")
	require.NoError(t, err)
	require.NoError(t, z.Close())
	_, err = inJar(jar.Bytes())
	require.ErrorContains(t, err, ".txz")
}

func TestAHalfUnpackedPostgresIsNeverSeen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pg")
	require.Error(t, unpackBeside(strings.NewReader("no xz"), dir))
	require.NoDirExists(t, dir)
	left, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Empty(t, left)
}

// Several test processes start at once on a machine that has no Postgres yet.
func TestProcessesThatInstallAtOnceDownloadOnce(t *testing.T) {
	var asked atomic.Int32
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		http.Error(w, "no", http.StatusTeapot)
	}))
	defer web.Close()
	o := Options{Binaries: filepath.Join(t.TempDir(), "pg"), Maven: web.URL}
	other, err := lock(o.Binaries + ".lock") // another process is at it
	require.NoError(t, err)
	installed := make(chan error)
	for range 2 {
		go func() { installed <- Install(t.Context(), o) }()
	}
	time.Sleep(5 * look)
	require.NoError(t, os.MkdirAll(filepath.Join(o.Binaries, "bin", "postgres"), 0o755))
	require.NoError(t, other.Close())
	require.NoError(t, <-installed)
	require.NoError(t, <-installed)
	require.Zero(t, asked.Load())
}

func TestAWaitForAnotherProcessEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	other, err := lock(path)
	require.NoError(t, err)
	defer other.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*look)
	defer cancel()
	_, err = lockWhenFree(ctx, path)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, path)
}
