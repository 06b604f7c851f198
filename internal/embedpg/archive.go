package embedpg

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Version is the Postgres that is run.
const Version = "17.11.0"

// sums are the SHA-256 of the jars on Maven Central, by platform.
var sums = map[string]string{
	"linux-amd64":        "0dd7b72b6f335b8ecfb355fa24c5781e8a93edd09880bb77eb52ebbf29b3e96d",
	"linux-amd64-alpine": "ace9a6f95b1c98ce84c9841267cd04ebee5d7de5dc7b8fea148ead44f145afbd",
	"linux-arm64v8":      "8b042e0ea418b1927d95399207950da0734d27fe01e29503ade3bdc464ad4c2b",
	"darwin-amd64":       "d464ff178e9860ba204662ac23fa547504b7fd392392ff2fb92e3fd73b5bdb64",
	"darwin-arm64v8":     "a1c2786acb0c398f9b2d76806fc52f5dc8b222cbc8e9383a9b9702084daaf3a5",
}

const mavenCentral = "https://repo1.maven.org/maven2"

// archive is one jar: a zip that holds one tar.xz.
type archive struct{ url, sum string }

// forThisMachine finds the archive of the operating system, the processor and the C library at hand.
func forThisMachine(maven string) (archive, error) {
	return archiveFor(maven, platform(runtime.GOOS, runtime.GOARCH, exists("/etc/alpine-release")))
}

func archiveFor(maven, platform string) (archive, error) {
	sum, ok := sums[platform]
	if !ok {
		return archive{}, fmt.Errorf("there is no Postgres to download for %s; use a Postgres of your own", platform)
	}
	name := "embedded-postgres-binaries-" + platform
	url := fmt.Sprintf("%s/io/zonky/test/postgres/%s/%s/%s-%s.jar", strings.TrimSuffix(cmp.Or(maven, mavenCentral), "/"), name, Version, name, Version)
	return archive{url: url, sum: sum}, nil
}

// platform is zonky's word for a machine.
func platform(goos, goarch string, alpine bool) string {
	p := goos + "-" + goarch
	if goarch == "arm64" {
		p += "v8"
	}
	if alpine {
		p += "-alpine"
	}
	return p
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
