package engine

import (
	"fmt"

	"github.com/millrace/millrace/internal/operators"
	"github.com/millrace/millrace/internal/plan"
)

// wide is a wide operator in its place in the graph.
type wide struct {
	operators.Wide
	out []operators.Rows // by lane: what its rows go to
}

// build makes the operators of a plan: the wide ones once, the narrow ones once a lane.
func (e *Engine) build() error {
	for _, s := range e.plan.Streams {
		for i, step := range s.Steps {
			op, err := e.operator(s, i, step)
			if err != nil {
				return err
			}
			if op != nil {
				w := &wide{Wide: op, out: make([]operators.Rows, e.Lanes)}
				e.wides = append(e.wides, w)
				e.byStep[step] = w
			}
		}
	}
	for _, l := range e.lanes {
		l.wides = e.wides
		if err := e.wire(l); err != nil {
			return err
		}
	}
	return nil
}

func stageOf(s *plan.Stream, i int) string {
	return fmt.Sprintf("%s[%d].%s", s.Name, i, s.Steps[i].Kind())
}

// operator makes a wide operator, or nil for a narrow step.
func (e *Engine) operator(s *plan.Stream, i int, step plan.Step) (operators.Wide, error) {
	switch step := step.(type) {
	case *plan.Filter, *plan.Map, *plan.FlatMap:
		return nil, nil
	case *plan.Transform:
		return operators.NewTransform(step, e.Lanes), nil
	case *plan.Keyed:
		c := operators.Config{Op: step, Stage: stageOf(s, i), Lanes: e.Lanes, Shards: e.plan.Shards, Store: e.State, Memory: e.Memory}
		switch step.Op {
		case plan.ReduceByKey:
			return operators.NewReduce(c), nil
		case plan.UpdateStateByKey:
			return operators.NewUpdate(c), nil
		case plan.EventWindow:
			return operators.NewEventWindow(c, s.Name), nil
		case plan.BatchWindow:
			return operators.NewBatchWindow(c), nil
		}
	}
	return nil, fmt.Errorf("%s: no operator for this step", stageOf(s, i))
}

// wire makes a lane's chains, from the sinks back to the sources.
func (e *Engine) wire(l *lane) error {
	for _, src := range e.plan.Sources {
		d, err := e.Decoder(src)
		if err != nil {
			return fmt.Errorf("source %s: %w", src.Name, err)
		}
		l.sources[src] = &reader{source: src, decode: d, row: newRow(len(src.Columns)), head: e.consumers(l, src, nil), staging: e.staging(src)}
	}
	return nil
}

// consumers gives each row of a source or a stream to the streams and sinks that take it.
func (e *Engine) consumers(l *lane, src *plan.Source, from *plan.Stream) operators.Rows {
	var to []operators.Rows
	for _, s := range e.plan.Streams {
		if s.From == from && s.Source == src {
			to = append(to, e.chain(l, s))
		}
	}
	for i, k := range e.plan.Sinks {
		if k.Stream == from && k.Source == src {
			to = append(to, l.sink(i, k.Name))
			l.mark(func() int { return l.buffers[i].Len() }, func(n int) { l.buffers[i].Truncate(n) })
		}
	}
	return operators.Tee(to)
}

// chain makes a stream's operators in a lane; at a wide one the chain ends in its input, and goes on from its output.
func (e *Engine) chain(l *lane, s *plan.Stream) operators.Rows {
	next := e.consumers(l, nil, s)
	for i := len(s.Steps) - 1; i >= 0; i-- {
		switch step := s.Steps[i].(type) {
		case *plan.Filter:
			next = operators.Filter(step, stageOf(s, i), next)
		case *plan.Map:
			next = operators.Map(step, stageOf(s, i), next)
		case *plan.FlatMap:
			next = operators.FlatMap(step, stageOf(s, i), next)
		default:
			w := e.byStep[step]
			w.out[l.number] = next
			next = w.Input(l.number)
			if t, ok := w.Wide.(*operators.Transform); ok {
				l.mark(func() int { return t.Mark(l.number) }, func(n int) { t.Rewind(l.number, n) })
			}
		}
	}
	return next
}

func (l *lane) mark(take func() int, rewind func(int)) {
	l.marks = append(l.marks, mark{take: take, rewind: rewind})
}

// staging tells whether a record of the source could fail after it has had an effect: it can have several, and something on the way can
// fail. Only then are effects staged.
func (e *Engine) staging(src *plan.Source) bool {
	f := fate{}
	e.follow(src, nil, false, &f)
	return f.ends > 1 && f.fallible
}

// fate is what can become of one record of a source before the first wide operator.
type fate struct {
	ends     int // places it can reach; several rows of one record count as several
	fallible bool
}

func (e *Engine) follow(src *plan.Source, from *plan.Stream, many bool, f *fate) {
	weight := 1
	if many {
		weight = 2
	}
	for _, k := range e.plan.Sinks {
		if k.Stream == from && k.Source == src {
			f.ends += weight
			f.fallible = true // a sink may refuse a row
		}
	}
	for _, s := range e.plan.Streams {
		if s.From != from || s.Source != src {
			continue
		}
		if end, multiplied := f.narrow(s, many); end {
			if f.ends++; multiplied {
				f.ends++
			}
		} else {
			e.follow(nil, s, multiplied, f)
		}
	}
}

// narrow follows a stream's steps up to its first wide one; end tells whether there is one.
func (f *fate) narrow(s *plan.Stream, many bool) (end, multiplied bool) {
	for _, step := range s.Steps {
		switch step := step.(type) {
		case *plan.Filter:
			f.fallible = f.fallible || step.Cond.Fallible
		case *plan.Map:
			for _, x := range step.Exprs {
				f.fallible = f.fallible || x.Fallible
			}
		case *plan.FlatMap:
			f.fallible = f.fallible || step.Array.Fallible
			many = true
		case *plan.Keyed:
			for _, x := range step.KeyExprs {
				f.fallible = f.fallible || x.Fallible
			}
			for _, a := range step.Agg.Aggs {
				f.fallible = f.fallible || a.Arg != nil && a.Arg.Fallible || a.Filter != nil && a.Filter.Fallible
			}
			return true, many
		default:
			return true, many
		}
	}
	return false, many
}
