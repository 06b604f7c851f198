package pipeline

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

var (
	reduceKeys = keys{known: []string{"key", "values"}}
	updateKeys = keys{known: []string{"key", "values", "state", "update", "emit"}, later: []string{"ttl"}}
	windowKeys = keys{known: []string{"key", "window", "values", "lateness", "emit"}, later: []string{"inverse", "keep_empty"}}
)

// keyedStep is a keyed operator that is being built, with the names of its columns so far.
type keyedStep struct {
	place
	*plan.Keyed
	names []entry
}

// keyed builds one of the three keyed operators.
func (p place) keyed(d stepDecl) (plan.Step, *flow) {
	k := &keyedStep{place: p, Keyed: &plan.Keyed{ID: p.operatorID(d.kind)}}
	if p.in.corrects() && !p.in.broken {
		d.arg.fail("let it read what "+p.in.operator.ID+" reads", "%s cannot follow %s, which emits corrections: it would count each of them",
			d.kind, p.in.operator.ID)
	}
	out := p.in.breakOff()
	out.operator, out.shuffled, out.limited = k.Keyed, true, false
	if k.read(d) && !p.in.broken {
		out.columns, out.broken = k.columns(), false
		k.Columns = out.schema()
	}
	return k.Keyed, out
}

// read reads the operator's settings; it reports false if its rows are not known then.
func (k *keyedStep) read(d stepDecl) bool {
	switch d.kind {
	case "reduceByKey":
		k.Op = plan.ReduceByKey
		m, ok := d.arg.mapping("reduceByKey: {key, values}", reduceKeys)
		return ok && all(k.keys(m), k.aggregates(m), k.distinct())
	case "updateStateByKey":
		k.Op = plan.UpdateStateByKey
		m, ok := d.arg.mapping("updateStateByKey: {key, values}", updateKeys)
		k.Emit = emission(m, plan.EmitChanged, choice{"changed", plan.EmitChanged}, choice{"all", plan.EmitAll})
		return ok && all(k.keys(m), k.updates(m), k.distinct())
	}
	m, ok := d.arg.mapping("reduceByKeyAndWindow: {key, window, values}", windowKeys)
	return ok && all(k.window(m), k.keys(m), k.aggregates(m), k.distinct())
}

// all is true if every step before it was; unlike && it does not keep later ones from reporting.
func all(oks ...bool) bool { return !slices.Contains(oks, false) }

// choice is a word of `emit:` and what it means.
type choice struct {
	word string
	emit plan.Emit
}

func emission(m mapping, usual plan.Emit, choices ...choice) plan.Emit {
	v, ok := m.get("emit")
	if !ok {
		return usual
	}
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = c.word
	}
	i, _ := v.choice(words...)
	return choices[i].emit
}

// distinct reports names that two columns of the operator's rows would share.
func (k *keyedStep) distinct() bool {
	taken := map[string]string{}
	if k.Op == plan.EventWindow {
		taken["window_start"], taken["window_end"] = "the window's", "the window's"
	}
	ok := true
	for _, e := range k.names {
		if whose := taken[e.name]; whose != "" {
			e.key.fail("give it another name", "%q is %s column already", e.name, whose)
			ok = false
		}
		taken[e.name] = "another"
	}
	return ok
}

// columns are those of the operator's rows: the window's, the keys, the values.
func (k *keyedStep) columns() []column {
	var cols []column
	part := 0
	if k.Op == plan.EventWindow {
		for _, name := range []string{"window_start", "window_end"} {
			cols = append(cols, column{Column: row.Column{Name: name, Type: row.TimestampTZ}, origin: -1, parts: 1})
		}
		part = 1
	}
	for i, c := range k.Keys {
		cols = append(cols, column{Column: c, origin: -1, parts: 1 << (part + i)})
	}
	for _, c := range k.Values {
		cols = append(cols, column{Column: c, origin: -1, other: true})
	}
	return cols
}

// keys reads `key: [column, name: expression]`.
func (k *keyedStep) keys(m mapping) bool {
	v, ok := m.need("key", "key: [column], or key: [] for one group of everything")
	if !ok {
		return false
	}
	items, ok := v.list("a list of columns, such as [origin]")
	if len(items) > maxKeys {
		v.fail("", "a key has at most %d columns", maxKeys)
		return false
	}
	for _, item := range items {
		if item.node.Kind == yaml.ScalarNode {
			ok = k.keyColumn(item) && ok
			continue
		}
		named := k.assignments(item, "a column, or name: expression")
		ok = ok && named != nil
		for _, n := range named {
			k.addKey(n.entry, n.expr)
		}
	}
	return ok
}

// keyColumn reads a key that is a column of the row.
func (k *keyedStep) keyColumn(v value) bool {
	name, ok := v.word("a column, or name: expression")
	switch {
	case !ok || k.in.broken:
		return false
	case reserved(name):
		v.fail("name it: - "+strings.TrimPrefix(name, "_")+": "+name, "%q cannot be a column of the row", name)
		return false
	case k.in.slot(name) >= 0:
		slot := k.in.slot(name)
		k.in.read(slot)
		x := k.in.pass(v, slot)
		k.addKey(entry{name, v, v}, x)
		return x != nil
	case !columnName.MatchString(name):
		v.fail("write - name: "+name, "%q is not a column; a key that is an expression needs a name", name)
		return false
	}
	v.fail(didYouMean(name, k.in.names()), "column %q does not exist", name)
	return false
}

func (k *keyedStep) addKey(e entry, x *expr.Expr) {
	k.names = append(k.names, e)
	if x != nil {
		k.Keys = append(k.Keys, row.Column{Name: e.name, Type: x.Type})
		k.KeyExprs = append(k.KeyExprs, x)
	}
}
