package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// invocation is all that the outside gives to one run of the command.
type invocation struct {
	args             []string // after the program's name; after the command's name once it is chosen
	environ          []string
	stdout, stderr   io.Writer
	terminal, screen bool // stderr and stdout are a terminal
	signals          <-chan os.Signal
}

func (in invocation) getenv(name string) string {
	for _, kv := range slices.Backward(in.environ) {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

// cacheVariable says where the demo keeps what it downloads.
const cacheVariable = "MILLRACE_CACHE"

// command is one word after `processor`.
type command struct {
	name, args, about string
	run               func(invocation) error // nil: not in this version
}

// commands are listed in the order in which help shows them. It is a function because help is one of them.
func commands() []command {
	return []command{
		{"run", "[FILE]", "run a pipeline until SIGTERM; FILE or MILLRACE_PIPELINE names it", runPipeline},
		{"demo", "[--for 20s]", "run an example with a Kafka and a Postgres of its own", runDemo},
		{"validate", "FILE", "check a pipeline file: every problem with its place and cure", validate},
		{"explain", "FILE", "show the graph that a pipeline file makes: columns, types, state, SQL", explain},
		{"migrate", "", "make or update the ledger's tables, for a role that `run` does not have", migrate},
		{"version", "", "say which build this is", showVersion},
		{"help", "", "show this", help},
		{"plan", "FILE", "what a changed file does to the state that is kept", nil},
		{"test", "FILE", "run a pipeline on examples, without Kafka and Postgres", nil},
		{"offsets", "", "show and move positions", nil},
		{"deadletters", "", "show and replay dead letters", nil},
		{"state", "", "look into keyed state", nil},
		{"audit", "", "check the journal's chain", nil},
		{"drop", "", "forget a pipeline", nil},
	}
}

// execute runs one command and returns the exit code.
func execute(in invocation) int {
	if len(in.args) == 0 {
		return report(in, usageError("name a command"))
	}
	name := in.args[0]
	in.args = in.args[1:]
	for _, flag := range []string{"-h", "-help", "--help"} {
		if name == flag || slices.Contains(in.args, flag) {
			name, in.args = "help", nil
		}
	}
	i := slices.IndexFunc(commands(), func(c command) bool { return c.name == name })
	if i < 0 {
		return report(in, usageError("there is no command %q", name))
	}
	c := commands()[i]
	if c.run == nil {
		return report(in, refused{fmt.Errorf("%s: not in this version", c.name)})
	}
	return report(in, c.run(in))
}

// help goes to standard output: it was asked for.
func help(in invocation) error {
	_, err := fmt.Fprint(in.stdout, helpText())
	return err
}

func helpText() string {
	var b strings.Builder
	b.WriteString("Millrace: Kafka in, Postgres out, exactly once.\n\nusage: processor COMMAND\n\n")
	for _, c := range commands() {
		about := c.about
		if c.run == nil {
			about += " (not in this version)"
		}
		fmt.Fprintf(&b, "  %-20s %s\n", strings.TrimSpace(c.name+" "+c.args), about)
	}
	b.WriteString("\nexit codes: 0 done, 1 failed while running, 2 refused at start, 3 fenced by another instance\n")
	return b.String()
}
