package pipeline

import (
	"fmt"
	"os"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/plan"
)

// Load reads the pipeline file at path. getenv gives the variables for ${VAR} and the overrides (see Overrides); its empty string
// means not set. Problems of the file come as Errors.
func Load(path string, getenv func(string) string) (*plan.Pipeline, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read pipeline file: %w", err)
	}
	return Parse(path, src, getenv)
}

// Parse makes the plan of a pipeline file's text; name stands for the file in errors.
func Parse(name string, src []byte, getenv func(string) string) (*plan.Pipeline, error) {
	b := &builder{reader: &reader{name: name, getenv: getenv}, plan: &plan.Pipeline{}, needs: map[*streamDecl]pseudos{}}
	if root, ok := b.document(src); ok {
		b.pipeline(root)
	}
	if len(b.errs) > 0 {
		return nil, b.errs.sorted()
	}
	return b.plan, nil
}

// builder makes one plan.
type builder struct {
	*reader
	plan    *plan.Pipeline
	sources []*sourceDecl
	streams []*streamDecl
	sinks   []value
	needs   map[*streamDecl]pseudos
	unread  bool // sources or streams could not be read: a name that is missing may well be there
}

// Defaults of the pipeline's settings.
const (
	defaultInterval   = time.Second
	defaultSnapshot   = time.Minute
	defaultMaxRecords = 500_000
	defaultMaxBytes   = 64 << 20
	defaultShards     = 16
)

// Overrides are the variables that override settings of a pipeline file: default < file < environment.
var Overrides = []string{"MILLRACE_INTERVAL", "MILLRACE_DELIVERY", "MILLRACE_BATCH_MAX_RECORDS", "MILLRACE_BATCH_MAX_BYTES", "MILLRACE_WORKERS"}

var pipelineKeys = keys{known: []string{"pipeline", "interval", "delivery", "sources", "streams", "sinks", "snapshot_every", "retention",
	"workers", "batch", "shards"}}

func (b *builder) pipeline(root value) {
	m, ok := root.mapping("a pipeline (pipeline, sources, streams, sinks)", pipelineKeys)
	if !ok {
		return
	}
	b.identity(m)
	b.settings(m)
	b.declare(m)
	b.buildSources()
	b.buildStreams()
	b.buildSinks()
	b.checkStateIDs()
}

func (b *builder) identity(m mapping) {
	v, ok := m.need("pipeline", "pipeline: a-name; it is the pipeline's identity in the ledger")
	if !ok {
		return
	}
	if b.plan.Name, ok = v.word("the pipeline's name"); ok && !pipelineName.MatchString(b.plan.Name) {
		v.fail("use 1 to 63 of a-z, 0-9 and -, with a letter or a digit first", "%q is not a pipeline name", b.plan.Name)
	}
}

// setting calls read with the file's value and then with the environment's, so that the later one wins and both are checked.
func (b *builder) setting(m mapping, name, override string, read func(value)) {
	if v, ok := m.get(name); ok {
		read(v)
	}
	if override == "" {
		return
	}
	if s := b.getenv(override); s != "" {
		read(value{&yaml.Node{Kind: yaml.ScalarNode, Value: s}, override, b.reader})
	}
}

func (b *builder) settings(m mapping) {
	p := b.plan
	p.Interval, p.Shards = defaultInterval, defaultShards
	p.Caps = plan.Caps{MaxRecords: defaultMaxRecords, MaxBytes: defaultMaxBytes}
	b.setting(m, "interval", "MILLRACE_INTERVAL", b.interval)
	b.setting(m, "delivery", "MILLRACE_DELIVERY", func(v value) {
		i, _ := v.choice(batch.ExactlyOnce.String(), batch.AtLeastOnce.String(), batch.AtMostOnce.String())
		p.Delivery = batch.Mode(i)
	})
	b.setting(m, "workers", "MILLRACE_WORKERS", func(v value) { p.Workers, _ = v.integer(0, 1024) })
	b.setting(m, "shards", "", func(v value) { p.Shards, _ = v.integer(1, 1024) })
	b.caps(m)
	b.retention(m)
	p.SnapshotEvery = roundUp(defaultSnapshot, p.Interval)
	b.setting(m, "snapshot_every", "", func(v value) {
		if d, ok := v.duration(p.Interval); ok && b.multiple(v, d) {
			p.SnapshotEvery = d
		}
	})
}

// interval keeps the default where the value is wrong, so that what depends on it can still be checked.
func (b *builder) interval(v value) {
	d, ok := v.duration(10 * time.Millisecond)
	switch {
	case !ok:
	case d > time.Hour:
		v.fail("", "%s is too long: want at most 1h", formatDuration(d))
	case d%time.Microsecond != 0:
		v.fail("", "%s is not a whole number of microseconds", d)
	default:
		b.plan.Interval = d
	}
}

func (b *builder) caps(m mapping) {
	caps := mapping{}
	if v, ok := m.get("batch"); ok {
		caps, _ = v.mapping("batch: {max_records, max_bytes}", keys{known: []string{"max_records", "max_bytes"}})
	}
	b.setting(caps, "max_records", "MILLRACE_BATCH_MAX_RECORDS", func(v value) { b.plan.Caps.MaxRecords, _ = v.integer(1, 1<<31-1) })
	b.setting(caps, "max_bytes", "MILLRACE_BATCH_MAX_BYTES", func(v value) { b.plan.Caps.MaxBytes, _ = v.size(1 << 10) })
}

func (b *builder) retention(m mapping) {
	v, ok := m.get("retention")
	if !ok {
		return
	}
	names := []string{"journal", "dead_letters", "late_rows"}
	r, _ := v.mapping("retention: {journal, dead_letters, late_rows}", keys{known: names})
	to := []*time.Duration{&b.plan.Retention.Journal, &b.plan.Retention.DeadLetters, &b.plan.Retention.LateRows}
	for i, name := range names {
		if v, ok := r.get(name); ok {
			*to[i], _ = v.duration(time.Second)
		}
	}
}

// multiple reports a duration that is not a whole number of intervals.
func (b *builder) multiple(v value, d time.Duration) bool {
	if d%b.plan.Interval == 0 {
		return true
	}
	v.fail("write "+formatDuration(roundUp(d, b.plan.Interval)), "%s is not a multiple of the interval, %s", formatDuration(d), formatDuration(b.plan.Interval))
	return false
}

func roundUp(d, unit time.Duration) time.Duration { return (d + unit - 1) / unit * unit }
