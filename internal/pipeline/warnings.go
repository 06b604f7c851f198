package pipeline

import (
	"fmt"

	"github.com/millrace/millrace/internal/plan"
)

// Warnings says what is legal in a plan and still looks like a mistake: sources and streams that nothing takes. They are read and
// computed all the same.
func Warnings(p *plan.Pipeline) []string {
	taken := map[any]bool{}
	for _, s := range p.Streams {
		taken[s.Source], taken[s.From] = true, true
	}
	for _, s := range p.Sinks {
		taken[s.Source], taken[s.Stream] = true, true
	}
	var warnings []string
	for _, s := range p.Sources {
		if !taken[s] {
			warnings = append(warnings, fmt.Sprintf("sources.%s: no stream and no sink takes this source; its topic is read for nothing", s.Name))
		}
	}
	for _, s := range p.Streams {
		if !taken[s] {
			warnings = append(warnings, fmt.Sprintf("streams.%s: no stream and no sink takes this stream; it is computed for nothing", s.Name))
		}
	}
	return warnings
}
