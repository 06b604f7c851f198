package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker: -X main.version=v1.2.3 (see the Makefile).
var version string

// showVersion prints one line: what was built, from which commit, with which Go.
func showVersion(in invocation) error {
	if err := noArguments(in); err != nil {
		return err
	}
	_, err := fmt.Fprintf(in.stdout, "processor %s %s %s/%s\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// buildVersion is what the linker was told or, of `go run` and `go build`, the module's version, in which Go has put the commit.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return cmp.Or(version, info.Main.Version, "(devel)")
	}
	return cmp.Or(version, "unknown")
}
