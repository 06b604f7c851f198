package ingest

import (
	"github.com/millrace/millrace/internal/batch"
)

// decode is one decoder: it unpacks segments until the consumer closes. A partition is with one decoder at a time, so its chunks stay in
// order; how far decoders run ahead of Poll is bounded (G6).
func (k *Consumer) decode() {
	u := &unpacker{inflater: inflater{most: k.limits.BatchBytes}, pool: &k.pool, chunk: k.limits.ChunkBytes}
	defer u.close()
	for {
		p, g := k.takeSegment()
		if p == nil {
			return
		}
		held := int64(len(g.raw))
		c, err := u.next(&g, p.id)
		k.delivered(p, g, held, c, err)
	}
}

// takeSegment waits for a segment to work on; nil after Close.
func (k *Consumer) takeSegment() (*part, segment) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for {
		if k.ctx.Err() != nil {
			return nil, segment{}
		}
		if k.ready < k.limits.ReadyBytes {
			if p := k.nextToUnpack(); p != nil {
				p.unpacking = true
				return p, p.segments[0]
			}
		}
		k.segments.Wait()
	}
}

// nextToUnpack takes the partition of which the least is ready, so that no one starves the others.
func (k *Consumer) nextToUnpack() *part {
	var best *part
	for _, p := range k.order {
		if len(p.segments) > 0 && !p.unpacking && (best == nil || len(p.ready) < len(best.ready)) {
			best = p
		}
	}
	return best
}

// delivered puts a chunk where Poll finds it, unless the partition has moved since the segment was fetched.
func (k *Consumer) delivered(p *part, g segment, held int64, c batch.Chunk, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if g.move != p.move {
		k.discard([]item{{chunk: c}})
		return
	}
	p.unpacking = false
	k.account(p, func() {
		p.queued -= held - int64(len(g.raw))
		if c.Next > c.From {
			p.ready = append(p.ready, item{chunk: c})
		} else {
			k.discard([]item{{chunk: c}})
		}
		p.segments[0] = g
		if len(g.raw) == 0 {
			p.segments[0] = segment{}
			p.segments = p.segments[1:]
		}
	})
	if err != nil {
		k.refused(p, c.Next, err)
	}
	wake(k.arrived)
	k.wakeAll()
}

// refused deals with a batch that cannot be read: it is fetched once more, since it may have been hurt on the way; then the partition halts.
// Either way what was read before it stands.
func (k *Consumer) refused(p *part, at int64, err error) {
	ready := p.ready
	again := p.refetched != at
	k.account(p, func() {
		p.forget()
		p.ready = ready
		p.next, p.refetched = at, at
		if !again {
			p.halted = true
			p.ready = append(p.ready, item{halt: haltOf(err, p.id, at, k.limits.BatchBytes)})
		}
	})
	if again {
		k.c.log.Warn("batch refused, fetching it again", "partition", p.id.String(), "offset", at, "error", err)
	}
}
