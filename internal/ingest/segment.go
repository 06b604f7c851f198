package ingest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/internal/batch"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// segment is what one answer brought for one partition: complete batches, not unpacked yet.
type segment struct {
	raw  []byte
	from int64 // position before it
	next int64 // position after it, by the headers
	move uint64
	txns aborted
}

// aborted tracks which producers are inside a transaction that was aborted, batch by batch, as the broker's list and the markers say.
// Non-obvious: a producer can have several aborted transactions in one answer, and commit between them; only first offsets are listed, and
// brokers do not always list them in order.
type aborted struct {
	ahead []kmsg.FetchResponseTopicPartitionAbortedTransaction // by first offset
	now   map[int64]bool
}

func abortedOf(list []kmsg.FetchResponseTopicPartitionAbortedTransaction) aborted {
	slices.SortFunc(list, func(a, b kmsg.FetchResponseTopicPartitionAbortedTransaction) int {
		return cmp.Compare(a.FirstOffset, b.FirstOffset)
	})
	return aborted{ahead: list}
}

// drops tells whether a data batch belongs to an aborted transaction.
func (a *aborted) drops(f frame) bool {
	for len(a.ahead) > 0 && a.ahead[0].FirstOffset <= f.last() {
		if a.now == nil {
			a.now = map[int64]bool{}
		}
		a.now[a.ahead[0].ProducerID] = true
		a.ahead = a.ahead[1:]
	}
	return f.transactional() && a.now[f.producer()]
}

// marker takes a control batch.
func (a *aborted) marker(f frame) error {
	a.drops(f)
	abort, err := isAbort(f)
	if abort {
		delete(a.now, f.producer())
	}
	return err
}

// unpacker turns segments into chunks. It belongs to one goroutine.
type unpacker struct {
	inflater
	pool  *slabs
	chunk int64 // bytes after which a chunk is closed
}

// next takes one chunk's worth of batches off the segment. The chunk covers all that was taken, whether or not it has records. On an
// error the chunk ends before the batch that is bad, at Next.
func (u *unpacker) next(g *segment, p batch.Partition) (c batch.Chunk, err error) {
	s := u.pool.get()
	at, epoch := g.from, int32(-1)
	for len(g.raw) > 0 && s.bytes < u.chunk {
		f, rest, ok, cutErr := cutFrame(g.raw)
		if err = cutErr; err != nil || !ok {
			break // walk has been here: it is always ok
		}
		if err = u.take(f, s, g, at); err != nil {
			break
		}
		if f.last() >= at {
			at, epoch = f.last()+1, f.epoch()
		}
		g.raw = rest
	}
	c = batch.Chunk{Partition: p, Records: s.records, From: g.from, Next: at, LeaderEpoch: epoch, Bytes: s.bytes, Release: u.release(s)}
	g.from = at
	return c, err
}

// release gives a slab back once, however often it is called.
func (u *unpacker) release(s *slab) func() {
	pool := u.pool
	return func() {
		if s != nil {
			pool.put(s)
			s = nil
		}
	}
}

// take adds a batch's committed records from the position on.
func (u *unpacker) take(f frame, s *slab, g *segment, at int64) error {
	switch {
	case !f.intact():
		return fmt.Errorf("%w: the checksum does not match", errBroken)
	case f.control() && f.count() == 0:
		return nil // a marker that compaction has emptied: it stays to keep its producer's epoch, and ends nothing that is listed
	case f.control():
		return g.txns.marker(f)
	case g.txns.drops(f) || f.last() < at || f.count() == 0:
		return nil
	}
	body, err := u.unpack(f, s)
	if err != nil {
		return err
	}
	held := len(s.records)
	if err = s.parse(f, body, at); err != nil {
		clear(s.records[held:])
		s.records = s.records[:held]
	}
	return err
}

// haltOf says what a batch that cannot be taken means for its partition.
func haltOf(err error, p batch.Partition, at int64, most int) *Halt {
	var old oldFormat
	switch {
	case errors.Is(err, errTooLarge):
		return haltTooLarge(p, at, most)
	case errors.As(err, &old):
		return haltOldFormat(p, at, byte(old))
	}
	return haltCorrupt(p, at, err)
}
