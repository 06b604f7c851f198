package ingest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/millrace/millrace/internal/batch"
)

// Consumer reads partitions from given positions. Poll is called by one goroutine; everything else may be called by any.
type Consumer struct {
	c        *Client
	limits   Limits
	trouble  troubles
	pool     slabs
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	look     chan struct{} // asks for a look at the metadata now
	arrived  chan struct{} // something may be there for Poll
	segments *sync.Cond    // on mu: something may be there for a decoder

	mu       sync.Mutex // guards all below, and every part and topicState
	parts    map[batch.Partition]*part
	order    []*part // by partition; polled and fetched in turns
	turn     int
	topics   map[string]*topicState
	fetchers map[int32]chan struct{} // by node: wakes it
	queued   int64                   // bytes of all segments
	ready    int64                   // bytes of all chunks that wait for Poll
	stray    []*Halt                 // halts of partitions that are not assigned
}

// Consume begins to read. Topics are as Topic gave them when the positions were resolved or claimed: their ids and counts of partitions are
// what the consumer holds the cluster to.
func (c *Client) Consume(ctx context.Context, topics []Topic, at []Assignment) (*Consumer, error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	k := &Consumer{
		c: c, limits: c.limits, ctx: ctx, cancel: cancel,
		look: make(chan struct{}, 1), arrived: make(chan struct{}, 1),
		parts: map[batch.Partition]*part{}, topics: map[string]*topicState{}, fetchers: map[int32]chan struct{}{},
	}
	k.pool.max = 2*int(k.limits.ReadyBytes/k.limits.ChunkBytes) + 2
	k.segments = sync.NewCond(&k.mu)
	for _, t := range topics {
		k.topics[t.Name] = &topicState{Topic: t, added: len(t.Partitions)}
	}
	if err := k.Seek(at); err != nil {
		cancel()
		return nil, fmt.Errorf("consume: %w", err)
	}
	k.wg.Go(k.watch)
	for range k.limits.Decoders {
		k.wg.Go(k.decode)
	}
	return k, nil
}

// Close ends all that the consumer does and waits for it. Chunks that were handed out stay valid.
func (k *Consumer) Close() {
	k.cancel()
	k.mu.Lock()
	k.segments.Broadcast()
	k.mu.Unlock()
	k.wg.Wait()
}

// Seek places partitions: those that are assigned are moved, the others are added. When it has returned, no Poll that begins then gives
// anything from before the new position. A halted partition that is placed again goes on.
func (k *Consumer) Seek(at []Assignment) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, a := range at {
		if t := k.topics[a.Partition.Topic]; t == nil || !slices.Contains(t.Partitions, a.Partition.ID) {
			return fmt.Errorf("seek %s: the topic is not known to have this partition", a.Partition)
		}
		if a.Offset < 0 {
			return fmt.Errorf("seek %s: offset %d is no position", a.Partition, a.Offset)
		}
	}
	for _, a := range at {
		p := k.parts[a.Partition]
		if p == nil {
			p = &part{id: a.Partition, topic: k.topics[a.Partition.Topic], leader: -1, leaderEpoch: -1}
			k.parts[a.Partition] = p
			k.order = append(k.order, p)
		}
		k.account(p, func() { k.discard(p.place(a)) })
		if p.topic.dead { // nothing asks for it any more, so nothing else would say it again
			k.halt(p, p.topic.why(p))
		}
	}
	slices.SortFunc(k.order, func(p, q *part) int { return p.id.Compare(q.id) })
	k.wakeAll()
	wake(k.look)
	return nil
}

// Drop takes partitions away: what was fetched of them is not delivered.
func (k *Consumer) Drop(partitions ...batch.Partition) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range partitions {
		if p := k.parts[id]; p != nil {
			k.account(p, func() { k.discard(p.forget()) })
			p.gone, p.halted = true, true
			delete(k.parts, id)
		}
	}
	k.order = slices.DeleteFunc(k.order, func(p *part) bool { return p.gone })
	k.wakeAll()
}

// Pause stops fetching partitions; what is there already is still handed out.
func (k *Consumer) Pause(partitions ...batch.Partition) { k.pause(true, partitions) }

// Resume undoes Pause.
func (k *Consumer) Resume(partitions ...batch.Partition) { k.pause(false, partitions) }

func (k *Consumer) pause(paused bool, partitions []batch.Partition) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, id := range partitions {
		if p := k.parts[id]; p != nil {
			p.paused = paused
		}
	}
	k.wakeAll()
}

// Standing is where a partition stands: Next is the position after what Poll has given, End that after the last committed record in
// Kafka as last seen, -1 if it is not known yet. Next == End is caught up.
type Standing struct {
	Next, End int64
	Halted    bool
}

// Positions tells where every partition stands.
func (k *Consumer) Positions() map[batch.Partition]Standing {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := make(map[batch.Partition]Standing, len(k.parts))
	for id, p := range k.parts {
		out[id] = Standing{Next: p.given, End: p.end, Halted: p.halted}
	}
	return out
}

// Health tells the oldest trouble that the consumer is retrying.
func (k *Consumer) Health() Health { return k.trouble.oldest() }

// account keeps the sums of queued and ready bytes right around a change of one part.
func (k *Consumer) account(p *part, change func()) {
	queued, ready := p.queued, readyBytes(p)
	change()
	k.queued += p.queued - queued
	k.ready += readyBytes(p) - ready
}

func readyBytes(p *part) (n int64) {
	for i := range p.ready {
		n += p.ready[i].chunk.Bytes
	}
	return n
}

// discard gives the memory of chunks back that nobody will see.
func (k *Consumer) discard(items []item) {
	for _, it := range items {
		if it.chunk.Release != nil {
			it.chunk.Release()
		}
	}
}

// wakeAll wakes fetchers and decoders: what they may do has changed.
func (k *Consumer) wakeAll() {
	for _, f := range k.fetchers {
		wake(f)
	}
	k.segments.Broadcast()
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
