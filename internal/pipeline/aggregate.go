package pipeline

import (
	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/row"
)

// aggregates reads `values:`.
func (k *keyedStep) aggregates(m mapping) bool {
	v, ok := m.need("values", "values: and columns such as n: count(*)")
	return ok && k.compile(v, nil)
}

// compile compiles columns over aggregates and, where there is one, the old state.
func (k *keyedStep) compile(v value, state []row.Column) bool {
	m, ok := v.open("columns such as n: count(*)")
	if ok && len(m.entries) == 0 {
		v.fail("", "names no columns")
		return false
	}
	named := make([]expr.Named, len(m.entries))
	texts := make([]text, len(m.entries))
	for i, e := range m.entries {
		good := columnNamed(e)
		t, read := e.expression()
		texts[i], named[i] = t, expr.Named{Name: e.name, Source: t.string}
		ok = ok && good && read
	}
	k.names = append(k.names, m.entries...)
	if !ok || k.in.broken {
		return false
	}
	agg, errs := expr.CompileAggregation(named, expr.Scope{Columns: k.in.schema()}, k.Keys, state)
	for i, e := range m.entries {
		ok = !k.in.report(e.value, texts[i], errs[i]) && ok
	}
	if !ok || agg == nil {
		return false
	}
	k.Agg = agg
	k.readArguments()
	for i, e := range m.entries {
		k.Values = append(k.Values, row.Column{Name: e.name, Type: agg.Results[i].Type})
	}
	return true
}

// readArguments marks what the aggregates read of the rows; the values over them read only keys, state and aggregates.
func (k *keyedStep) readArguments() {
	for _, a := range k.Agg.Aggs {
		for _, x := range []*expr.Expr{a.Arg, a.Filter} {
			if x != nil {
				k.in.read(x.Slots...)
			}
		}
	}
}

// updates reads updateStateByKey's `values`, or `state` and `update`.
func (k *keyedStep) updates(m mapping) bool {
	_, values := m.get("values")
	state, hasState := m.get("state")
	update, hasUpdate := m.get("update")
	switch {
	case values && (hasState || hasUpdate):
		m.fail("use values where the state is aggregates, state and update where it is yours", "values excludes state and update")
		return false
	case !hasState && !hasUpdate:
		return k.aggregates(m)
	case !hasUpdate:
		m.fail("write update: and an expression for every column of state", "update is missing")
		return false
	case !hasState:
		m.fail("write state: and a type for every column of update", "state is missing")
		return false
	}
	columns, ok := stateColumns(state)
	if !ok {
		return false
	}
	k.State = columns
	return k.update(update)
}

// stateColumns reads `state: {n: bigint}`.
func stateColumns(v value) ([]row.Column, bool) {
	m, ok := v.open("columns: name: type")
	if ok && len(m.entries) == 0 {
		v.fail("", "names no columns")
		return nil, false
	}
	var columns []row.Column
	for _, e := range m.entries {
		named := columnNamed(e)
		t, typed := columnType(e.value)
		ok = ok && named && typed
		columns = append(columns, row.Column{Name: e.name, Type: t})
	}
	return columns, ok
}

// update compiles the new state and puts it into the order of the old.
func (k *keyedStep) update(v value) bool {
	m, ok := v.open("columns: name: expression")
	if !ok || !stateMatches(m, k.State) {
		return false
	}
	if !k.compile(inOrder(m, k.State), k.State) {
		return false
	}
	for i, c := range k.Values {
		if want := k.State[i].Type; c.Type != want {
			at, _ := m.get(c.Name)
			at.fail("cast it: (…)::"+want.String(), "the state's column is %s, this is %s", want, c.Type)
			ok = false
		}
	}
	return ok
}

// stateMatches reports columns that only one of state and update has.
func stateMatches(m mapping, state []row.Column) bool {
	names, ok := map[string]bool{}, true
	var known []string
	for _, c := range state {
		names[c.Name] = true
		known = append(known, c.Name)
		if _, there := m.get(c.Name); !there {
			m.fail("write "+c.Name+": state."+c.Name+" if it stays as it is", "the state's column %q is missing", c.Name)
			ok = false
		}
	}
	for _, e := range m.entries {
		if !names[e.name] {
			e.key.fail(didYouMean(e.name, known), "state has no column %q", e.name)
			ok = false
		}
	}
	return ok
}

// inOrder is the mapping with its entries in the order of the state's columns.
func inOrder(m mapping, state []row.Column) value {
	node := *m.node
	node.Content = nil
	for _, c := range state {
		for i := 0; i+1 < len(m.node.Content); i += 2 {
			if m.node.Content[i].Value == c.Name {
				node.Content = append(node.Content, m.node.Content[i], m.node.Content[i+1])
				break
			}
		}
	}
	return value{&node, m.path, m.r}
}
