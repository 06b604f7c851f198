package pipeline

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/internal/plan"
)

// buildStreams builds every stream after the one that it reads (P1); beside that, in the file's order.
func (b *builder) buildStreams() {
	for _, s := range b.streams {
		b.buildStream(s)
	}
}

func (b *builder) buildStream(s *streamDecl) {
	switch s.state {
	case done:
		return
	case building:
		s.from.fail("let one of them read a source", "streams read each other in a circle: %s", cycle(s))
		return
	}
	s.state = building
	s.built = &plan.Stream{Name: s.name}
	s.flow = &flow{source: &plan.Source{}, broken: true}
	switch {
	case s.source != nil:
		s.built.Source, s.flow = s.source.flow.source, s.source.flow
	case s.stream != nil:
		if b.buildStream(s.stream); s.stream.state == done {
			s.built.From, s.flow = s.stream.built, s.stream.flow
		}
	}
	for i, step := range s.steps {
		b.buildStep(s, i, step)
	}
	b.plan.Streams = append(b.plan.Streams, s.built)
	s.state = done
}

// The steps by name.
var (
	narrowSteps = []string{"filter", "map", "extend", "flatMap"}
	keyedSteps  = []string{"reduceByKey", "updateStateByKey", "reduceByKeyAndWindow"}
	laterSteps  = []string{"countByValue", "distinct", "mapWithState", "deduplicate", "window", "countByWindow", "reduceByWindow",
		"countByValueAndWindow", "lookup"}
)

func isKeyed(kind string) bool { return slices.Contains(keyedSteps, kind) }

// place is where a step is being built: step i of a stream, over the rows of in.
type place struct {
	b  *builder
	s  *streamDecl
	i  int
	in *flow
}

// buildStep appends one step to a stream; where it has a problem, what follows is checked as far as it can be.
func (b *builder) buildStep(s *streamDecl, i int, d stepDecl) {
	p := place{b, s, i, s.flow}
	var step plan.Step
	out := s.flow.breakOff()
	switch d.kind {
	case "filter":
		step, out = p.filter(d.arg)
	case "map":
		step, out = p.mapped(d.arg)
	case "extend":
		step, out = p.extended(d.arg)
	case "flatMap":
		step, out = p.flatMap(d.arg)
	case "transform":
		step, out = p.transform(d.arg)
	case "reduceByKey", "updateStateByKey", "reduceByKeyAndWindow":
		step, out = p.keyed(d)
	default:
		d.unknown()
	}
	s.built.Steps = append(s.built.Steps, step)
	s.flow = out
}

// unknown refuses a step that is not there, or not yet.
func (d stepDecl) unknown() {
	if slices.Contains(laterSteps, d.kind) {
		d.key.later(d.kind)
		return
	}
	d.key.fail(didYouMean(d.kind, slices.Concat(narrowSteps, []string{"transform"}, keyedSteps), laterSteps...), "unknown step %q", d.kind)
}

// operatorID is the step's identity in the ledger: the stream, the operator and, from the second of a kind on, its number there (P2).
func (p place) operatorID(kind string) string {
	n := 1
	for _, before := range p.s.steps[:p.i] {
		if before.kind == kind {
			n++
		}
	}
	if n == 1 {
		return p.s.name + "." + kind
	}
	return fmt.Sprintf("%s.%s:%d", p.s.name, kind, n)
}

// checkStateIDs reports operators whose numbers in state keys are equal (F4).
func (b *builder) checkStateIDs() {
	seen := map[uint32]*plan.Keyed{}
	for _, s := range b.streams {
		if s.built == nil {
			continue
		}
		for _, step := range s.built.Steps {
			k, ok := step.(*plan.Keyed)
			if !ok || k == nil || !k.Stateful() {
				continue
			}
			if other := seen[k.StateID()]; other != nil {
				s.key.fail("give the stream another name", "the operators %s and %s have the same number in state keys", other.ID, k.ID)
			}
			seen[k.StateID()] = k
		}
	}
}
