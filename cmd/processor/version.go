package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is set by the linker for released binaries: -X main.release=v1.2.3.
var release string

// version prints one line: what was built, from which commit, with which Go.
func version(in invocation) error {
	if err := noArguments(in); err != nil {
		return err
	}
	_, err := fmt.Fprintf(in.stdout, "processor %s %s %s/%s\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return cmp.Or(release, "unknown")
	}
	commit, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = "+" + s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = ".modified"
		}
	}
	return cmp.Or(release, info.Main.Version, "(devel)") + commit + changed
}
