package engine

import (
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/plan"
)

// team is the lanes' goroutines.
type team struct {
	lanes  []*lane
	queues []chan work
	under  sync.WaitGroup // chunks given and not yet run
	ended  sync.WaitGroup
}

// work is one chunk for one lane.
type work struct {
	sources []*plan.Source
	chunk   *batch.Chunk
	tide    *tide
}

// queued is how many chunks may wait for a lane: enough that it does not starve, few enough that memory stays bounded.
const queued = 4

func newTeam(lanes []*lane) *team {
	t := &team{lanes: lanes}
	for _, l := range lanes {
		q := make(chan work, queued)
		t.queues = append(t.queues, q)
		t.ended.Add(1)
		go func() {
			defer t.ended.Done()
			for w := range q {
				for _, s := range w.sources {
					l.run(l.sources[s], w.chunk, w.tide)
				}
				l.weigh()
				w.chunk.Done()
				t.under.Done()
			}
		}()
	}
	return t
}

func (t *team) give(lane int, w work) {
	t.under.Add(1)
	t.queues[lane] <- w
}

// settle waits until all that was given has run.
func (t *team) settle() { t.under.Wait() }

// each calls f for 0..n-1 side by side, at most one call a lane at a time, and returns the first error.
func (t *team) each(n int, f func(lane, i int) error) error {
	if n == 1 || len(t.lanes) == 1 {
		for i := range n {
			if err := f(0, i); err != nil {
				return err
			}
		}
		return nil
	}
	var g errgroup.Group
	var next atomic.Int64
	for lane := range min(n, len(t.lanes)) {
		g.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return nil
				}
				if err := f(lane, i); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

func (t *team) close() {
	for _, q := range t.queues {
		close(q)
	}
	t.ended.Wait()
}
