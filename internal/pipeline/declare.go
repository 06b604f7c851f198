package pipeline

import (
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/plan"
)

// sourceDecl is a source as the file declares it; flow is set once it is built.
type sourceDecl struct {
	entry
	flow *flow
}

// streamDecl is a stream as the file declares it. Exactly one of source and stream is set if from names something that exists.
type streamDecl struct {
	entry
	from   value
	source *sourceDecl
	stream *streamDecl
	steps  []stepDecl
	state  buildState
	built  *plan.Stream
	flow   *flow
}

// stepDecl is one element of steps: its name and what stands below it.
type stepDecl struct {
	kind string
	key  value
	arg  value
}

// buildState of a stream: a stream met again while it is Building reads itself.
type buildState uint8

const (
	declared buildState = iota
	building
	done
)

// declare gathers who is there and who reads whom, so that streams may stand in any order.
func (b *builder) declare(m mapping) {
	if v, ok := m.need("sources", "sources: with one source or more"); ok {
		b.declareSources(v)
	}
	if v, ok := m.get("streams"); ok {
		b.declareStreams(v)
	}
	if v, ok := m.need("sinks", "sinks: with one sink or more"); ok {
		if b.sinks, ok = v.list("a list of sinks"); ok && len(b.sinks) == 0 {
			v.fail("", "there are no sinks")
		}
	}
	for _, s := range b.streams {
		b.link(s)
	}
}

func (b *builder) declareSources(v value) {
	m, ok := v.open("sources by name")
	b.unread = b.unread || !ok
	if ok && len(m.entries) == 0 {
		v.fail("", "there are no sources")
	}
	for _, e := range m.entries {
		operatorNamed(e)
		b.sources = append(b.sources, &sourceDecl{entry: e})
	}
}

var streamKeys = keys{known: []string{"from", "steps"}, later: []string{"union", "join", "cogroup"}}

func (b *builder) declareStreams(v value) {
	m, ok := v.open("streams by name")
	b.unread = b.unread || !ok
	for _, e := range m.entries {
		operatorNamed(e)
		if src := b.source(e.name); src != nil {
			e.key.fail("give one of them another name", "there is a source %q already", e.name)
			continue
		}
		s := &streamDecl{entry: e}
		b.streams = append(b.streams, s)
		body, ok := e.mapping("a stream (from, steps)", streamKeys)
		if !ok {
			continue
		}
		if _, ok := body.get("from"); ok || !refusedKey(body, streamKeys) {
			s.from, _ = body.need("from", "from: the name of a source or a stream")
		}
		if steps, ok := body.get("steps"); ok {
			s.steps = declareSteps(steps)
		}
	}
}

func declareSteps(v value) []stepDecl {
	items, _ := v.list("a list of steps")
	var steps []stepDecl
	for _, item := range items {
		m, ok := item.open("a step such as filter: delay > 15")
		if !ok {
			continue
		}
		if len(m.entries) != 1 {
			item.fail("begin each step with its own -", "want one step, found %d keys", len(m.entries))
			continue
		}
		e := m.entries[0]
		steps = append(steps, stepDecl{e.name, e.key, e.value})
	}
	return steps
}

// link finds what a stream reads.
func (b *builder) link(s *streamDecl) {
	if s.from.node == nil {
		return
	}
	name, ok := s.from.word("the name of a source or a stream")
	if !ok {
		return
	}
	if s.source, s.stream = b.source(name), b.stream(name); s.source == nil && s.stream == nil && !b.unread {
		s.from.fail(didYouMean(name, b.names()), "there is no source or stream %q", name)
	}
}

func (b *builder) source(name string) *sourceDecl {
	for _, s := range b.sources {
		if s.name == name {
			return s
		}
	}
	return nil
}

func (b *builder) stream(name string) *streamDecl {
	for _, s := range b.streams {
		if s.name == name {
			return s
		}
	}
	return nil
}

// names lists what a stream or a sink can take.
func (b *builder) names() []string {
	var names []string
	for _, s := range b.sources {
		names = append(names, s.name)
	}
	for _, s := range b.streams {
		names = append(names, s.name)
	}
	return names
}

// cycle names the streams that read each other in a circle, beginning and ending with s.
func cycle(s *streamDecl) string {
	names := []string{s.name}
	for at := s.stream; at != nil && at != s && len(names) < 100; at = at.stream {
		names = append(names, at.name)
	}
	names = append(names, s.name)
	slices.Reverse(names)
	return strings.Join(names, " → ")
}
