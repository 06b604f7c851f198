package pipeline

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// Explain writes a plan for people: sources with their columns, steps with the rows that they give, the state that operators keep, and
// how sinks write. It is text for reading, not a format.
func Explain(p *plan.Pipeline) string {
	e := &explainer{}
	e.settings(p)
	for _, s := range p.Sources {
		e.source(s)
	}
	for _, s := range p.Streams {
		e.stream(s)
	}
	for _, s := range p.Sinks {
		e.sink(s)
	}
	return e.String()
}

type explainer struct{ strings.Builder }

func (e *explainer) line(format string, args ...any) { fmt.Fprintf(e, format+"\n", args...) }

func (e *explainer) settings(p *plan.Pipeline) {
	workers := "one worker a core"
	if p.Workers > 0 {
		workers = plural(p.Workers, "worker")
	}
	e.line("pipeline %s", p.Name)
	e.line("  interval %s, %s, snapshot every %s", formatDuration(p.Interval), p.Delivery, formatDuration(p.SnapshotEvery))
	e.line("  a batch has at most %d records or %s", p.Caps.MaxRecords, formatSize(p.Caps.MaxBytes))
	e.line("  %s, %s of state", workers, plural(p.Shards, "shard"))
	r := p.Retention
	e.line("  kept: journal %s, dead letters %s, late rows %s", keptFor(r.Journal), keptFor(r.DeadLetters), keptFor(r.LateRows))
}

func keptFor(d time.Duration) string {
	if d == 0 {
		return "for ever"
	}
	return formatDuration(d)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

var onErrorNames = [...]string{plan.DeadLetterIt: "dead-lettered", plan.Skip: "skipped", plan.Stop: "stop the pipeline"}

func (e *explainer) source(s *plan.Source) {
	from := [...]string{plan.Earliest: "earliest", plan.Latest: "latest", plan.AtTime: s.Start.Time.Format(time.RFC3339)}[s.Start.Kind]
	format := [...]string{plan.JSON: "json", plan.Text: "text", plan.Bytes: "bytes"}[s.Format]
	e.line("\nsource %s", s.Name)
	e.line("  kafka topic %s from %s, %s; records with errors: %s", s.Topic, from, format, onErrorNames[s.OnError])
	for i, c := range s.Columns {
		e.line("  %-*s %-*s%s", nameWidth(s.Columns), c.Name, typeWidth(s.Columns), c.Type, fieldNote(s, i))
	}
	if t := s.EventTime; t != nil {
		ahead := "any"
		if t.MaxAhead > 0 {
			ahead = formatDuration(t.MaxAhead)
		}
		e.line("  event time %s; watermark %s behind, ahead of the batch at most: %s, idle after %s", oneLine(t.Expr), formatDuration(t.Watermark), ahead, formatDuration(t.Idle))
	}
}

// fieldNote says where a source's column comes from and whether it is decoded.
func fieldNote(s *plan.Source, slot int) string {
	if slot >= len(s.Fields) {
		return "  of the record's envelope"
	}
	f, note := s.Fields[slot], ""
	if s.Format == plan.JSON {
		note = "  " + pathText(f.Path)
	}
	if f.Required {
		note += "  required"
	}
	if !f.Used {
		note += "  not read, not decoded"
	}
	return note
}

// pathText writes a path as the file does.
func pathText(path []string) string {
	var b strings.Builder
	b.WriteString("$")
	for _, key := range path {
		if m := dotStep.FindString("." + key); len(m) == len(key)+1 {
			b.WriteString(m)
			continue
		}
		b.WriteString("['" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(key) + "']")
	}
	return b.String()
}

func nameWidth(cols []row.Column) int {
	width := 0
	for _, c := range cols {
		width = max(width, len(c.Name))
	}
	return width
}

func typeWidth(cols []row.Column) int {
	width := 0
	for _, c := range cols {
		width = max(width, len(c.Type.String()))
	}
	return width
}

// oneLine is an expression's source on one line.
func oneLine(x *expr.Expr) string {
	return strings.Join(strings.Split(strings.TrimSpace(x.Source), "\n"), " ")
}

func (e *explainer) stream(s *plan.Stream) {
	from := "source "
	if s.Source != nil {
		from += s.Source.Name
	} else {
		from = "stream " + s.From.Name
	}
	e.line("\nstream %s from %s", s.Name, from)
	for _, step := range s.Steps {
		e.step(step)
	}
	e.line("  → %s", columnList(s.Columns()))
}

func (e *explainer) step(step plan.Step) {
	switch s := step.(type) {
	case *plan.Filter:
		e.line("  filter %s", oneLine(s.Cond))
	case *plan.Map:
		e.line("  %s", s.Kind())
		for i, c := range s.Columns[len(s.Columns)-len(s.Exprs):] {
			e.line("    %s = %s", c.Name, oneLine(s.Exprs[i]))
		}
	case *plan.FlatMap:
		e.line("  flatMap %s = each of %s", s.Columns[len(s.Columns)-1].Name, oneLine(s.Array))
	case *plan.Transform:
		e.transform(s)
	case *plan.Keyed:
		e.keyed(s)
	}
}

func (e *explainer) transform(s *plan.Transform) {
	var terms []string
	for _, o := range s.SortBy {
		term := s.Columns[o.Slot].Name
		if o.Desc {
			term += " desc"
		}
		terms = append(terms, term)
	}
	what := "transform"
	if len(terms) > 0 {
		what += " sorted by " + strings.Join(terms, ", ")
	}
	if s.Limit > 0 {
		what += fmt.Sprintf(", the first %d", s.Limit)
	}
	e.line("  %s", what)
}

var emitNames = [...]string{plan.EmitClose: "close", plan.EmitUpdate: "update", plan.EmitChanged: "changed", plan.EmitAll: "all"}

func (e *explainer) keyed(s *plan.Keyed) {
	what := s.Kind()
	switch s.Op {
	case plan.UpdateStateByKey:
		what += ", emit " + emitNames[s.Emit]
	case plan.EventWindow:
		what += fmt.Sprintf(", tumbling %s of event time, lateness %s, emit %s", formatDuration(s.Tumbling), formatDuration(s.Lateness), emitNames[s.Emit])
	case plan.BatchWindow:
		what += fmt.Sprintf(", the last %s of batch time every %s", formatDuration(s.Length), formatDuration(s.Slide))
	}
	e.line("  %s", what)
	for i, c := range s.Keys {
		e.line("    key %s = %s", c.Name, oneLine(s.KeyExprs[i]))
	}
	for i, c := range s.Values {
		e.line("    %s = %s", c.Name, oneLine(s.Agg.Results[i]))
	}
	if s.Stateful() {
		e.line("    state %s (%08x): %s", s.ID, s.StateID(), s.Signature())
	}
}

func columnList(cols []row.Column) string {
	parts := make([]string, len(cols))
	for i, c := range cols {
		parts[i] = c.Name + " " + c.Type.String()
	}
	return strings.Join(parts, ", ")
}

func (e *explainer) sink(s *plan.Sink) {
	from := ""
	if s.Stream != nil {
		from = s.Stream.Name
	} else {
		from = s.Source.Name
	}
	e.line("\nsink %s takes %s", s.Name, from)
	if s.Console != nil {
		limit := "every row"
		if s.Console.Limit > 0 {
			limit = "at most " + plural(s.Console.Limit, "row") + " a batch"
		}
		e.line("  prints %s after the commit", limit)
		return
	}
	pg := s.Postgres
	how := [...]string{plan.Append: "insert", plan.Upsert: "insert, or replace the row with the same %s",
		plan.Add: "insert, or add to the row with the same %s"}[pg.Mode]
	if pg.Mode != plan.Append {
		how = fmt.Sprintf(how, strings.Join(pg.Key, ", "))
	}
	create := "the table must be there"
	if pg.Create {
		create = "the table is made if it is not there"
	}
	e.line("  %s (mode %s); %s; rows that Postgres refuses: %s", how, modeNames[pg.Mode], create, onErrorNames[pg.OnError])
	var cols []row.Column
	for _, slot := range pg.Columns {
		cols = append(cols, s.Columns[slot])
	}
	e.line("  columns %s", columnList(cols))
}
