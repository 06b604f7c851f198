package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

var postgresKeys = keys{known: []string{"table", "mode", "key", "columns", "create", "on_error"}, later: []string{"delete_when"}}

// postgres is a Postgres sink that is being built, over the rows that it takes.
type postgres struct {
	*plan.Postgres
	in *flow
}

// postgres reads `postgres:` and checks that its mode and key fit what it takes (P3).
func (b *builder) postgres(v value, s *plan.Sink, in *flow) {
	pg := &postgres{&plan.Postgres{OnError: plan.Stop}, in}
	s.Postgres = pg.Postgres
	m, ok := v.mapping("postgres: {table, mode, key}", postgresKeys)
	if !ok {
		return
	}
	if v, ok := m.get("create"); ok {
		pg.Create = v.boolean()
	}
	if v, ok := m.get("on_error"); ok {
		if word, ok := v.choice("stop", "dead-letter", "skip"); ok && word > 0 {
			v.fail("leave it out, or write stop", "not in this version: a row that Postgres refuses stops the pipeline")
		}
	}
	known := pg.mode(m)
	pg.columns(m)
	if known {
		pg.key(m)
	}
	if pg.name(m) {
		b.onlyAppendsShare(m, s)
	}
	if known && !in.broken {
		pg.fits(m)
	}
}

// mode reads `mode:`. Without it rows are appended, which fits only without a key.
func (pg *postgres) mode(m mapping) bool {
	v, ok := m.get("mode")
	if ok {
		i, ok := v.choice(modeNames[:]...)
		pg.Mode = plan.SinkMode(i)
		return ok
	}
	if _, keyed := m.get("key"); keyed {
		m.fail("write mode: upsert (the last row of a key stays) or mode: add (numbers are added up)", "mode is missing")
		return false
	}
	return true
}

// name reads `table: schema.table`.
func (pg *postgres) name(m mapping) bool {
	v, ok := m.need("table", "table: schema.table")
	if !ok {
		return false
	}
	s, ok := v.word("a table's name")
	if !ok {
		return false
	}
	match := tableName.FindStringSubmatch(s)
	if match == nil {
		v.fail(`write schema.table in lower case; other names as SQL quotes them: '"Schema"."Table"'`, "%q is not a table name", s)
		return false
	}
	pg.Schema, pg.Table = unquote(match[1]), unquote(match[2])
	return true
}

var tableName = regexp.MustCompile(`^(?:([a-z_][a-z0-9_$]{0,62}|"(?:[^"\x00]|"")+")\.)?([a-z_][a-z0-9_$]{0,62}|"(?:[^"\x00]|"")+")$`)

// unquote gives the name that an SQL identifier stands for.
func unquote(identifier string) string {
	if inner, ok := strings.CutPrefix(identifier, `"`); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`)
	}
	return identifier
}

// columns reads `columns:`, the columns of the row that are written: every one that is seen, unless it names some.
func (pg *postgres) columns(m mapping) {
	v, ok := m.get("columns")
	var only []string
	if ok {
		only = pg.names(v)
	}
	for slot, c := range pg.in.columns {
		if isPseudo(c.Name) || (ok && !slices.Contains(only, c.Name)) {
			continue
		}
		pg.Columns = append(pg.Columns, slot)
	}
	pg.in.read(pg.Columns...)
	if ok && len(only) == 0 && len(v.node.Content) == 0 {
		v.fail("leave columns out to write every one", "names no columns")
	}
}

// names reads a list of columns of the row.
func (pg *postgres) names(v value) []string {
	items, _ := v.list("a list of columns")
	var names []string
	for _, item := range items {
		name, ok := item.word("a column")
		switch {
		case !ok:
		case slices.Contains(names, name):
			item.fail("", "%q stands here twice", name)
		case !pg.in.broken && !slices.Contains(pg.in.names(), name):
			item.fail(didYouMean(name, pg.in.names()), "column %q does not exist", name)
		default:
			names = append(names, name)
		}
	}
	return names
}

// key reads `key:` for upsert and add.
func (pg *postgres) key(m mapping) {
	v, ok := m.get("key")
	switch {
	case ok && pg.Mode == plan.Append:
		if _, given := m.get("mode"); given {
			v.fail("leave it out, or write mode: upsert", "append has no key")
		}
		return
	case pg.Mode == plan.Append:
		return
	case !ok:
		m.fail("write key: and the columns that tell rows apart", "key is missing")
		return
	}
	pg.Key = pg.names(v)
	if len(v.node.Content) == 0 {
		v.fail("write key: and the columns that tell rows apart", "names no columns")
	}
	for _, name := range pg.Key {
		if slot := pg.in.slot(name); slot >= 0 && !slices.Contains(pg.Columns, slot) {
			v.fail("add it to columns", "the key's column %q is not written", name)
		}
	}
}

// fits checks that the mode suits what the rows are.
func (pg *postgres) fits(m mapping) {
	at, ok := m.get("mode")
	if !ok {
		at = m.value
	}
	switch {
	case pg.in.corrects() && pg.Mode != plan.Upsert:
		at.fail(pg.finalCure(), "%s emits corrections: %s would keep each of them", pg.in.operator.ID, modeNames[pg.Mode])
	case pg.in.corrects():
		pg.covers(m)
	case pg.Mode == plan.Add && !pg.in.increments():
		at.fail("use mode: upsert; add takes the rows of narrow steps and of reduceByKey", "add would add up what is not an increment: %s", pg.whatFor())
	}
	if pg.Mode == plan.Add {
		pg.addable(m)
	}
}

// finalCure says how corrections reach a table.
func (pg *postgres) finalCure() string {
	keys := make([]string, 0, len(pg.in.operator.Keys)+1)
	if pg.in.operator.Op == plan.EventWindow {
		keys = append(keys, "window_start")
	}
	for _, c := range pg.in.operator.Keys {
		keys = append(keys, c.Name)
	}
	cure := fmt.Sprintf("write mode: upsert with key: [%s]", strings.Join(keys, ", "))
	if pg.in.operator.Op == plan.EventWindow {
		cure += ", or emit: close"
	}
	return cure
}

// modeNames are the modes as the file writes them.
var modeNames = [...]string{plan.Append: "append", plan.Upsert: "upsert", plan.Add: "add"}

func (pg *postgres) whatFor() string {
	if pg.in.limited {
		return "a transform's limit leaves rows out"
	}
	return pg.in.operator.ID + " emits totals"
}

// covers checks that two rows have the same sink key exactly if they have the same operator key, as far as columns can be traced: a
// correction then replaces the row that it corrects, and no other.
func (pg *postgres) covers(m mapping) {
	v, ok := m.get("key")
	if !ok || len(pg.Key) == 0 {
		return
	}
	var covered parts
	for _, name := range pg.Key {
		c := pg.in.columns[pg.in.slot(name)]
		if c.other {
			v.fail("leave it out of the key", "the column %q may change with a correction of %s, which would then not replace its row", name, pg.in.operator.ID)
		}
		covered |= c.parts
	}
	for part, name := range operatorKey(pg.in.operator) {
		if covered&(1<<part) == 0 {
			v.fail("add the column that holds it", "the key leaves out %s of %s: rows of two keys would replace each other", name, pg.in.operator.ID)
		}
	}
}

// operatorKey names the parts of an operator's key, in the order of their bits.
func operatorKey(k *plan.Keyed) []string {
	var names []string
	if k.Op == plan.EventWindow {
		names = append(names, "the window (window_start or window_end)")
	}
	for _, c := range k.Keys {
		names = append(names, fmt.Sprintf("%q", c.Name))
	}
	return names
}

// addable checks the types of the columns that are added up.
func (pg *postgres) addable(m mapping) {
	at, ok := m.get("columns")
	if !ok {
		at = m.value
	}
	for _, slot := range pg.Columns {
		c := pg.in.columns[slot]
		if slices.Contains(pg.Key, c.Name) {
			continue
		}
		switch c.Type {
		case row.Int2, row.Int4, row.Int8, row.Float8, row.Numeric, row.Interval:
		default:
			at.fail("put it into key, or leave it out by columns", "add cannot add up column %q of type %s", c.Name, c.Type)
		}
	}
}

// onlyAppendsShare reports a table that two sinks write, unless both append: each would take the other's rows for its own.
func (b *builder) onlyAppendsShare(m mapping, s *plan.Sink) {
	name := "postgres:" + s.Postgres.Table
	if s.Postgres.Schema != "" {
		name = "postgres:" + s.Postgres.Schema + "." + s.Postgres.Table
	}
	for _, other := range b.plan.Sinks {
		if o := other.Postgres; o != nil && sameTable(o, s.Postgres) && (o.Mode != plan.Append || s.Postgres.Mode != plan.Append) {
			at, _ := m.get("table")
			at.fail("give each its own table; only sinks that append can share one", "another sink writes this table")
			break
		}
	}
	s.Name = b.sinkName(name)
}

// sameTable takes a table without a schema as one of any schema: search_path is not known here.
func sameTable(a, b *plan.Postgres) bool {
	return a.Table == b.Table && (a.Schema == b.Schema || a.Schema == "" || b.Schema == "")
}
