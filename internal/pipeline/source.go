package pipeline

import (
	"fmt"
	"regexp"
	"time"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

var (
	sourceKeys = keys{known: []string{"kafka", "format", "event_time", "on_error"},
		later: []string{"socket", "raw_socket", "text_files", "binary_files", "queue"}}
	kafkaKeys     = keys{known: []string{"topic", "start"}, later: []string{"topics", "pattern"}}
	eventTimeKeys = keys{known: []string{"expr", "watermark", "max_ahead", "idle"}}
	topicName     = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)
)

// defaultIdle is how long a partition that is caught up may be silent before the watermark stops waiting for it.
const defaultIdle = 10 * time.Second

func (b *builder) buildSources() {
	for _, d := range b.sources {
		src := &plan.Source{Name: d.name}
		d.flow = &flow{source: src, broken: true}
		m, ok := d.mapping("a source (kafka, format)", sourceKeys)
		if !ok {
			continue
		}
		if v, ok := m.get("kafka"); ok || !refusedKey(m, sourceKeys) {
			if !ok {
				v, ok = m.need("kafka", "kafka: {topic: NAME}")
			}
			if ok {
				b.kafka(v, src)
			}
		}
		if v, ok := m.get("on_error"); ok {
			src.OnError = onError(v)
		}
		if v, ok := m.need("format", "format: text, format: bytes, or format: {json: …}"); ok && format(v, src) {
			b.sourceFlow(d)
		}
		if v, ok := m.get("event_time"); ok {
			d.flow.eventTime(v)
		}
		b.plan.Sources = append(b.plan.Sources, src)
	}
}

// sourceFlow adds the pseudo columns that are used, and makes the source's rows known.
func (b *builder) sourceFlow(d *sourceDecl) {
	src, need := d.flow.source, b.neededBy(d)
	for i, c := range pseudoColumns {
		if need.has(i) {
			src.Columns = append(src.Columns, c)
			src.Pseudo = append(src.Pseudo, plan.Pseudo(i))
		}
	}
	d.flow.broken = false
	for slot, c := range src.Columns {
		d.flow.columns = append(d.flow.columns, column{Column: c, origin: slot})
	}
}

func (b *builder) kafka(v value, src *plan.Source) {
	m, ok := v.mapping("kafka: {topic, start}", kafkaKeys)
	if !ok {
		return
	}
	if _, ok := m.get("topic"); ok || !refusedKey(m, kafkaKeys) {
		b.topic(m, src)
	}
	if v, ok := m.get("start"); ok {
		src.Start = start(v)
	}
}

// topic reads the topic's name. Positions are kept by topic, so two sources of one pipeline cannot share it.
func (b *builder) topic(m mapping, src *plan.Source) {
	v, ok := m.need("topic", "topic: NAME")
	if !ok {
		return
	}
	if src.Topic, ok = v.word("a topic's name"); !ok {
		return
	}
	if !topicName.MatchString(src.Topic) || src.Topic == "." || src.Topic == ".." {
		v.fail("Kafka takes 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-'", "%q is not a topic name", src.Topic)
	}
	for _, other := range b.plan.Sources {
		if other.Topic == src.Topic {
			v.fail(fmt.Sprintf("let the streams come from: %s, too", other.Name), "source %q reads topic %q already", other.Name, src.Topic)
		}
	}
}

var groupStart = regexp.MustCompile(`^group:`)

func start(v value) plan.Start {
	s, ok := v.word("earliest, latest or a timestamp")
	if !ok {
		return plan.Start{}
	}
	switch {
	case s == "earliest":
		return plan.Start{Kind: plan.Earliest}
	case s == "latest":
		return plan.Start{Kind: plan.Latest}
	case groupStart.MatchString(s):
		v.fail("use earliest, latest or a timestamp", "not in this version: start: group:NAME")
		return plan.Start{}
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		v.fail("write earliest, latest or a time such as 2026-01-31T00:00:00Z", "%q is not a start", s)
	}
	return plan.Start{Kind: plan.AtTime, Time: at.UTC()}
}

func onError(v value) plan.OnError {
	i, _ := v.choice("dead-letter", "skip", "stop")
	return [...]plan.OnError{plan.DeadLetterIt, plan.Skip, plan.Stop}[i]
}

func (f *flow) eventTime(v value) {
	m, ok := v.mapping("event_time: {expr, watermark}", eventTimeKeys)
	if !ok {
		return
	}
	et := &plan.EventTime{Idle: defaultIdle}
	f.source.EventTime = et
	if v, ok := m.need("expr", "expr: and a column or an expression of type timestamptz"); ok {
		if et.Expr = f.compile(v); et.Expr != nil && et.Expr.Type != row.TimestampTZ {
			v.fail(toTimestampTZ(et.Expr.Type), "event time must be timestamp with time zone, this is %s", et.Expr.Type)
		}
	}
	if v, ok := m.need("watermark", "watermark: 10s, the time that records may come out of order"); ok {
		et.Watermark, _ = v.duration(0)
	}
	if v, ok := m.get("max_ahead"); ok {
		et.MaxAhead, _ = v.duration(0)
	}
	if v, ok := m.get("idle"); ok {
		et.Idle, _ = v.duration(time.Millisecond)
	}
}

// toTimestampTZ is the cure for an event time of another type.
func toTimestampTZ(t row.Type) string {
	switch t {
	case row.Int4, row.Int8, row.Float8, row.Numeric:
		return "to_timestamp(…) makes one of seconds since 1970"
	case row.Text, row.Date, row.Timestamp:
		return "cast it: (…)::timestamptz"
	}
	return ""
}
