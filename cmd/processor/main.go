// Command processor runs a Millrace pipeline: Kafka in, Postgres out, exactly once. `processor help` lists what it can do.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 2) // two are heard, even if they come at once
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	os.Exit(execute(invocation{
		args: os.Args[1:], environ: os.Environ(), stdout: os.Stdout, stderr: os.Stderr,
		terminal: isTerminal(os.Stderr), screen: isTerminal(os.Stdout), signals: signals,
	}))
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
