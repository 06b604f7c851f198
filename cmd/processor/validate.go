package main

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/pipeline"
	"github.com/millrace/millrace/internal/plan"
)

// validate is `processor validate FILE`: it needs no server.
func validate(in invocation) error {
	file, p, err := loadFile(in)
	if err != nil {
		return err
	}
	for _, w := range pipeline.Warnings(p) {
		fmt.Fprintf(in.stderr, "processor: warning: %s: %s\n", file, w)
	}
	_, err = fmt.Fprintf(in.stdout, "ok: %s: %s\n", file, summary(p))
	return err
}

// explain is `processor explain FILE`.
func explain(in invocation) error {
	_, p, err := loadFile(in)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(in.stdout, pipeline.Explain(p))
	return err
}

func loadFile(in invocation) (string, *plan.Pipeline, error) {
	file, err := pipelineFile(in)
	if err != nil {
		return "", nil, refused{err}
	}
	p, err := pipeline.Load(file, config.Getenv(in.getenv))
	if err != nil {
		return "", nil, refused{err}
	}
	return file, p, nil
}

// summary is a plan in one line.
func summary(p *plan.Pipeline) string {
	return fmt.Sprintf("pipeline %s, %s every %s: %s, %s, %s%s", p.Name, p.Delivery, p.Interval,
		count(len(p.Sources), "source"), count(len(p.Streams), "stream"), count(len(p.Sinks), "sink"), keeping(p))
}

// keeping lists the operators that keep state, by the names that the ledger knows them under.
func keeping(p *plan.Pipeline) string {
	var ids []string
	for _, s := range p.Streams {
		for _, step := range s.Steps {
			if k, ok := step.(*plan.Keyed); ok && k.Stateful() {
				ids = append(ids, k.ID)
			}
		}
	}
	if ids == nil {
		return ", no state"
	}
	return ", state in " + strings.Join(ids, ", ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
