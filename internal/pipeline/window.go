package pipeline

import (
	"time"

	"github.com/millrace/millrace/internal/plan"
)

var windowForms = keys{known: []string{"tumbling", "length", "slide"}, later: []string{"hopping", "session", "max"}}

// window reads `window:` and what belongs to its kind: event time with {tumbling}, batch time with {length, slide}.
func (k *keyedStep) window(m mapping) bool {
	k.Op = plan.EventWindow
	v, ok := m.need("window", "window: {tumbling: 3h}, or window: {length: 30s, slide: 10s} in batch time")
	if !ok {
		return false
	}
	w, ok := v.mapping("{tumbling}, or {length, slide}", windowForms)
	if !ok || refusedKey(w, windowForms) {
		return false
	}
	tumbling, inEvents := w.get("tumbling")
	length, inBatches := w.get("length")
	switch {
	case inEvents && len(w.entries) > 1:
		v.fail("tumbling is in event time, length and slide are in batch time", "tumbling excludes length and slide")
		return false
	case inEvents:
		return k.eventWindow(m, tumbling)
	case inBatches:
		return k.batchWindow(m, w, length)
	}
	v.fail("write {tumbling: 3h}, or {length: 30s, slide: 10s}", "the window has no length")
	return false
}

func (k *keyedStep) eventWindow(m mapping, tumbling value) bool {
	var ok bool
	if k.Tumbling, ok = tumbling.duration(time.Millisecond); ok && k.Tumbling%time.Microsecond != 0 {
		tumbling.fail("", "%s is not a whole number of microseconds", k.Tumbling)
	}
	k.Emit = emission(m, plan.EmitClose, choice{"close", plan.EmitClose}, choice{"update", plan.EmitUpdate})
	if v, has := m.get("lateness"); has {
		k.Lateness, _ = v.duration(0)
	}
	switch {
	case k.in.broken:
	case k.in.shuffled:
		tumbling.fail("put the window before it, or use {length, slide} in batch time", "rows have no event time after a keyed step or a transform")
	case k.in.source.EventTime == nil:
		tumbling.fail("give the source event_time: {expr, watermark}, or use {length, slide} in batch time",
			"the source %q has no event_time", k.in.source.Name)
	}
	return ok
}

func (k *keyedStep) batchWindow(m, w mapping, length value) bool {
	k.Op = plan.BatchWindow
	interval := k.b.plan.Interval
	var ok bool
	if k.Length, ok = length.duration(interval); ok {
		k.b.multiple(length, k.Length)
	}
	k.Slide = interval
	if v, has := w.get("slide"); has {
		d, good := v.duration(interval)
		if k.Slide = d; good && k.b.multiple(v, d) && ok && d > k.Length {
			v.fail("", "the slide is longer than the window, %s: records in between would be lost", formatDuration(k.Length))
		}
	}
	for _, name := range []string{"emit", "lateness"} {
		if v, has := m.get(name); has {
			v.fail("leave it out, or use window: {tumbling} in event time", "%s belongs to windows in event time", name)
		}
	}
	return ok
}
