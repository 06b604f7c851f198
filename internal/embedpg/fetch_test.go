package embedpg

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	_, err := archiveFor("plan9-mips")
	require.ErrorContains(t, err, "use a Postgres of your own")
	a, err := archiveFor("darwin-amd64")
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(a.url, "/embedded-postgres-binaries-darwin-amd64/17.5.0/embedded-postgres-binaries-darwin-amd64-17.5.0.jar"), a.url)
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
