package embedpg

import (
	"fmt"
	"os"
	"runtime"
)

// Version is the Postgres that is run.
const Version = "17.5.0"

// sums are the SHA-256 of the jars on Maven Central, by platform.
var sums = map[string]string{
	"linux-amd64":        "646f3269075d1a23904127374e3cdbcef96beb32979fedee25d835877400fcbe",
	"linux-amd64-alpine": "7122386c7f7a089568f05720ada63448093d4065abbc0a89e6dc660851a53e3c",
	"linux-arm64v8":      "e02f27ff50ff2d90b6541d54f3f108505aacd84ea53c2890e976a684bfea2752",
	"darwin-amd64":       "fb70f783928e77c3d6ef5ca8ed644f1ac502f740fcfc032a375c8347820f2bdd",
	"darwin-arm64v8":     "e9d3398e10c2ec926395498b03e75ad1a24eeaed82895e756a7e173b202cf6de",
}

const repository = "https://repo1.maven.org/maven2/io/zonky/test/postgres"

// archive is one jar: a zip that holds one tar.xz.
type archive struct{ url, sum string }

// forThisMachine finds the archive of the operating system, the processor and the C library at hand.
func forThisMachine() (archive, error) {
	return archiveFor(platform(runtime.GOOS, runtime.GOARCH, exists("/etc/alpine-release")))
}

func archiveFor(platform string) (archive, error) {
	sum, ok := sums[platform]
	if !ok {
		return archive{}, fmt.Errorf("there is no Postgres to download for %s; use a Postgres of your own", platform)
	}
	name := "embedded-postgres-binaries-" + platform
	return archive{url: fmt.Sprintf("%s/%s/%s/%s-%s.jar", repository, name, Version, name, Version), sum: sum}, nil
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
