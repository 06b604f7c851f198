package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/ingest"
)

// poller polls for the loop, one poll at a time and only when it is wanted: what has not been wanted stays in the consumer, which bounds it.
type poller struct {
	consumer *ingest.Consumer
	got      chan fetched
	busy     bool // a poll is under way, or its answer waits in got
	cancel   context.CancelFunc
}

// fetched is what a poll gave, or the error that ended it: a *ingest.Halt is about one partition only.
type fetched struct {
	chunks []batch.Chunk
	err    error
}

// pollBytes is how much one poll may give: small beside a batch, so that batches are cut where they should be.
const pollBytes = 8 << 20

func newPoller() *poller { return &poller{got: make(chan fetched, 1)} }

// want starts a poll unless one is under way.
func (p *poller) want(yes bool) {
	if !yes || p.busy || p.consumer == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.busy, p.cancel = true, cancel
	go func() {
		defer cancel()
		chunks, err := p.consumer.Poll(ctx, pollBytes)
		p.got <- fetched{chunks: chunks, err: err}
	}()
}

// stop ends the poll under way and drops what it gave.
func (p *poller) stop() {
	if !p.busy {
		return
	}
	p.cancel()
	old := <-p.got
	for i := range old.chunks {
		old.chunks[i].Done()
	}
	p.busy = false
	var halt *ingest.Halt
	if errors.As(old.err, &halt) && halt.Code == ingest.PartitionsChanged {
		p.got <- fetched{err: halt} // it comes once only; halts of assigned partitions come again after a seek
		p.busy = true
	}
}

// seek moves consumption; the first time it begins it.
func (p *poller) seek(ctx context.Context, c *ingest.Client, topics []ingest.Topic, to []ingest.Assignment) error {
	p.stop()
	var err error
	if p.consumer == nil {
		p.consumer, err = c.Consume(ctx, topics, to)
	} else {
		err = p.consumer.Seek(to)
	}
	if err != nil {
		return fmt.Errorf("seek: %w", err)
	}
	return nil
}

func (p *poller) close() {
	p.stop()
	if p.consumer != nil {
		p.consumer.Close()
	}
}
