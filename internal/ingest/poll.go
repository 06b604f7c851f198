package ingest

import (
	"context"

	"github.com/millrace/millrace/internal/batch"
)

// Poll hands out what is ready: at least one chunk, and as many as fit into maxBytes, partitions in turns. It waits until there is something.
// A chunk without records still moves the position (control records, gaps), or, where Next == From, tells a new End.
//
// Errors: a *Halt ends its partition, after all that was read of it before; call Poll again for the others. ctx.Err() when ctx ends,
// ErrClosed after Close.
func (k *Consumer) Poll(ctx context.Context, maxBytes int64) ([]batch.Chunk, error) {
	for {
		if k.ctx.Err() != nil {
			return nil, ErrClosed
		}
		chunks, halt := k.collect(maxBytes)
		if len(chunks) > 0 {
			return chunks, nil
		}
		if halt != nil {
			return nil, halt
		}
		select {
		case <-k.arrived:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-k.ctx.Done():
			return nil, ErrClosed
		}
	}
}

// collect takes ready chunks, or one halt if there is no chunk before it.
func (k *Consumer) collect(maxBytes int64) (chunks []batch.Chunk, halt *Halt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.stray) > 0 {
		halt, k.stray = k.stray[0], k.stray[1:]
		return nil, halt
	}
	room := max(maxBytes, 1)
	for took := true; took && room > 0; {
		took = false
		for range k.order {
			p := k.order[k.turn%len(k.order)]
			if c, ok := k.give(p, len(chunks) == 0, room); ok {
				chunks, room, took = append(chunks, c), room-max(c.Bytes, 1), true
			} else if len(chunks) == 0 && len(p.ready) > 0 && p.ready[0].halt != nil {
				halt, p.ready = p.ready[0].halt, p.ready[1:]
				return nil, halt
			}
			k.turn++
			if room <= 0 {
				break
			}
		}
	}
	if len(chunks) > 0 {
		k.wakeAll()
	}
	return chunks, nil
}

// give takes the first ready chunk of a partition if it fits, or makes an empty one if only the end is news.
func (k *Consumer) give(p *part, first bool, room int64) (c batch.Chunk, ok bool) {
	switch {
	case len(p.ready) > 0 && p.ready[0].halt == nil:
		if c = p.ready[0].chunk; c.Bytes > room && !first {
			return c, false
		}
		p.ready[0] = item{}
		p.ready = p.ready[1:]
		k.ready -= c.Bytes
	case p.idle() && !p.halted && p.end >= 0 && p.end != p.endReported:
		c = batch.Chunk{Partition: p.id, From: p.given, Next: p.given, LeaderEpoch: -1}
	default:
		return c, false
	}
	c.End = max(p.end, c.Next)
	p.given, p.endReported = c.Next, p.end
	return c, true
}
