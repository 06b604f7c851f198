package pipeline

import (
	"regexp"
	"strings"

	"github.com/millrace/millrace/internal/plan"
)

var (
	transformKeys = keys{known: []string{"sortBy", "limit"}}
	sortTerm      = regexp.MustCompile(`^([^\s]+)(?:\s+(?i:(asc|desc)))?$`)
)

// transform sorts and cuts a batch's rows. After it a row belongs to no partition any more.
func (p place) transform(v value) (plan.Step, *flow) {
	if p.in.corrects() && !p.in.broken {
		v.fail(correctsCure(p.in, "a ranking of all keys needs "), "transform would rank only the keys that this batch has changed")
	}
	step := &plan.Transform{Columns: p.in.schema()}
	out := *p.in
	out.shuffled = true
	m, ok := v.mapping("transform: {sortBy, limit}", transformKeys)
	if !ok {
		return step, &out
	}
	if len(v.node.Content) == 0 {
		v.fail("write sortBy, limit or both", "transform does nothing")
	}
	if v, ok := m.get("sortBy"); ok {
		step.SortBy = p.in.sortBy(v)
	}
	if v, ok := m.get("limit"); ok {
		step.Limit, _ = v.integer(1, 1<<31-1)
		out.limited = true
	}
	return step, &out
}

// correctsCure says how rows become final, for those that cannot take corrections.
func correctsCure(f *flow, before string) string {
	if f.operator.Op == plan.EventWindow {
		return before + "emit: close"
	}
	return before + "emit: all"
}

func (f *flow) sortBy(v value) []plan.Order {
	items, _ := v.list("a list such as [n desc, word]")
	var terms []plan.Order
	for _, item := range items {
		s, ok := item.word("a column, or a column and desc")
		if !ok || f.broken {
			continue
		}
		m := sortTerm.FindStringSubmatch(s)
		if m == nil {
			item.fail("write a column, or a column and desc; an extend before it can compute one", "%q is not a term of a sort", s)
			continue
		}
		slot := f.slot(m[1])
		if slot < 0 {
			item.fail(didYouMean(m[1], f.names()), "column %q does not exist", m[1])
			continue
		}
		f.read(slot)
		terms = append(terms, plan.Order{Slot: slot, Desc: strings.EqualFold(m[2], "desc")})
	}
	return terms
}
