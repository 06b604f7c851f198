package batch

import (
	"fmt"
	"slices"
)

// Position is where a partition stands in the ledger.
type Position struct {
	Next        int64 // offset
	LeaderEpoch int32 // -1: unknown
	Watermark   int64 // microseconds; NoWatermark if none
}

// Head is where a shard's state stands in the ledger: the newest delta's number and commit id; zero if there is none.
type Head struct {
	Seq int64
	ID  Token
}

// Claimed is what a claim read, all of one moment.
type Claimed struct {
	Token     Token // stands now in every claimed row
	Positions map[Partition]Position
	Heads     []Head // by shard
	Time      int64  // the last batch time, microseconds; 0: no batch yet
	Watermark int64  // of the pipeline
}

// ownership is what one instance holds: the token in every row, as it will be once all commits under way have succeeded.
//
//	O1  a batch's range begins where the one before it ended, and a shard's delta is the next in its chain.
//	O2  the token that a batch's fence compares is the id of the last batch that touched that row, or the claim's.
type ownership struct {
	next  map[Partition]int64
	rows  map[Partition]Token
	heads []Head
	shard []Token
}

func own(c Claimed) ownership {
	o := ownership{next: map[Partition]int64{}, rows: map[Partition]Token{}, heads: slices.Clone(c.Heads), shard: make([]Token, len(c.Heads))}
	for p, at := range c.Positions {
		o.next[p], o.rows[p] = at.Next, c.Token
	}
	for i := range o.shard {
		o.shard[i] = c.Token
	}
	return o
}

// advance stamps a computed batch with the tokens it must find, and takes its own as the ones that the next batch must find.
func (o *ownership) advance(b *Batch) error {
	for i := range b.Partitions {
		m := &b.Partitions[i]
		if at, ok := o.next[m.Partition]; !ok || at != m.From {
			return fmt.Errorf("O1: batch moves %s from %d, position is %d (owned: %t)", m.Partition, m.From, at, ok)
		}
		m.Held = o.rows[m.Partition]
		o.next[m.Partition], o.rows[m.Partition] = m.Until, b.ID
	}
	for i := range b.Shards {
		s := &b.Shards[i]
		h := o.heads[s.Shard]
		s.Seq, s.Prev, s.Held = h.Seq+1, h.ID, o.shard[s.Shard]
		o.heads[s.Shard], o.shard[s.Shard] = Head{Seq: s.Seq, ID: b.ID}, b.ID
	}
	return nil
}
