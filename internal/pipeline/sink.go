package pipeline

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/internal/plan"
)

var sinkKeys = keys{known: []string{"from", "postgres", "console"}, later: []string{"text_files", "parquet", "kafka", "http"}}

func (b *builder) buildSinks() {
	for _, v := range b.sinks {
		if m, ok := v.mapping("a sink (from, postgres or console)", sinkKeys); ok {
			b.sink(m)
		}
	}
}

// sink reads one element of sinks.
func (b *builder) sink(m mapping) {
	s := &plan.Sink{}
	in, from := b.taken(m, s)
	s.Columns = in.schema()
	pg, isPostgres := m.get("postgres")
	console, isConsole := m.get("console")
	switch {
	case isPostgres && isConsole:
		m.fail("write two sinks, each with its own -", "one sink has both postgres and console")
	case isPostgres:
		b.postgres(pg, s, in)
	case isConsole:
		b.console(console, s, in, from)
	case !refusedKey(m, sinkKeys):
		m.fail("write postgres: {table: …} or console: {}", "the sink has no outlet")
	}
	b.plan.Sinks = append(b.plan.Sinks, s)
}

// taken finds what the sink takes.
func (b *builder) taken(m mapping, s *plan.Sink) (in *flow, name string) {
	in = &flow{source: &plan.Source{}, broken: true}
	v, ok := m.need("from", "from: the name of a stream or a source")
	if !ok {
		return in, ""
	}
	if name, ok = v.word("the name of a stream or a source"); !ok {
		return in, ""
	}
	src, stream := b.source(name), b.stream(name)
	switch {
	case src != nil:
		s.Source, in = src.flow.source, src.flow
	case stream != nil:
		s.Stream, in = stream.built, stream.flow
	case !b.unread:
		v.fail(didYouMean(name, b.names()), "there is no stream or source %q", name)
	}
	return in, name
}

// console reads `console: {limit}`. It prints whole rows, so the columns that rows carry unseen are mapped away before it.
func (b *builder) console(v value, s *plan.Sink, in *flow, from string) {
	s.Console = &plan.Console{}
	if !v.empty() {
		if m, ok := v.mapping("console: {limit}", keys{known: []string{"limit"}}); ok {
			if v, ok := m.get("limit"); ok {
				s.Console.Limit, _ = v.integer(0, 1<<31-1)
			}
		}
	}
	s.Name = b.sinkName("console:" + from)
	if in.broken {
		return
	}
	for slot, c := range in.columns {
		if !isPseudo(c.Name) {
			in.read(slot)
		}
	}
	if len(in.names()) < len(in.columns) {
		b.project(v, s, in, from)
	}
}

// project puts a map of the columns that are seen between the sink and what it takes; sinks of one stream share it.
func (b *builder) project(v value, s *plan.Sink, in *flow, from string) {
	shown := b.shown(shownName(from))
	if shown == nil {
		step := &plan.Map{}
		for slot, c := range in.columns {
			if !isPseudo(c.Name) {
				step.Exprs = append(step.Exprs, in.pass(v, slot))
				step.Columns = append(step.Columns, c.Column)
			}
		}
		shown = &plan.Stream{Name: shownName(from), Source: s.Source, From: s.Stream, Steps: []plan.Step{step}}
		b.plan.Streams = append(b.plan.Streams, shown)
	}
	s.Source, s.Stream, s.Columns = nil, shown, shown.Columns()
}

// shown finds a stream of the plan by its name.
func (b *builder) shown(name string) *plan.Stream {
	for _, s := range b.plan.Streams {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// shownName names a stream that the file does not have; no name in a file has a colon.
func shownName(from string) string { return from + ":shown" }

// sinkName makes a name unique by a number.
func (b *builder) sinkName(name string) string {
	taken := func(name string) bool {
		return slices.ContainsFunc(b.plan.Sinks, func(s *plan.Sink) bool { return s.Name == name })
	}
	if !taken(name) {
		return name
	}
	n := 2
	for taken(fmt.Sprintf("%s#%d", name, n)) {
		n++
	}
	return fmt.Sprintf("%s#%d", name, n)
}
