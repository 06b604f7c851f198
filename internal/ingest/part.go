package ingest

import (
	"time"

	"github.com/millrace/millrace/internal/batch"
)

// part is one partition of a consumer, guarded by Consumer.mu. Positions on its way, in order:
//
//	given ≤ from of the first ready chunk … ≤ from of the first segment … ≤ next
//
// tile without gaps (G2): given is the position after what Poll has handed out, next is where the next fetch begins.
type part struct {
	id    batch.Partition
	topic *topicState

	move   uint64 // counts placements and halts; what belongs to an earlier count is dropped
	next   int64
	epoch  int32 // leader epoch of the last record before next, -1 unknown
	given  int64
	paused bool
	halted bool
	gone   bool // Drop has taken it away

	leader      int32 // node, -1 unknown
	leaderEpoch int32 // of the leader, by the metadata
	inFlight    bool  // a fetcher asks for it
	unchecked   bool  // epoch is to be validated against the leader before the next fetch (KIP-320)
	fails       int   // in a row
	notBefore   time.Time
	refetched   int64 // position of a batch that was refused once already, -1 none
	refused     int   // times in a row that the broker called a position out of range that its bounds allow

	segments    []segment
	queued      int64 // bytes of segments
	unpacking   bool  // a decoder is at the first segment
	ready       []item
	end         int64 // last stable offset, -1 unknown
	endReported int64 // as Poll has told it last
}

// item is what waits for Poll: a chunk, or the halt that ends the partition.
type item struct {
	chunk batch.Chunk
	halt  *Halt
}

// topicState is what is known of a topic, guarded by Consumer.mu.
type topicState struct {
	Topic
	missingSince time.Time         // zero: it is there
	added        int               // partitions that Halts have told of
	dead         bool              // deleted or made again: nothing more to ask
	why          func(*part) *Halt // of dead
}

// Assignment places a partition: the next offset to deliver, and the leader epoch of the record before it if it is known (-1 otherwise).
// With the epoch, a log that was truncated and has grown again is told from one that was not.
type Assignment struct {
	Partition   batch.Partition
	Offset      int64
	LeaderEpoch int32
}

// place moves the partition and drops all that belongs to where it was.
func (p *part) place(a Assignment) (dropped []item) {
	dropped = p.forget()
	p.next, p.given, p.epoch = a.Offset, a.Offset, a.LeaderEpoch
	p.unchecked = a.LeaderEpoch >= 0
	p.halted, p.notBefore, p.refetched, p.refused = false, time.Time{}, -1, 0 // fails stays: the success that ends them clears the trouble
	p.end, p.endReported = -1, -1
	return dropped
}

// forget drops what was fetched and not handed out. What is under way finds another count of moves and is dropped too.
func (p *part) forget() (dropped []item) {
	p.move++
	dropped = p.ready
	p.segments, p.queued, p.ready, p.unpacking = nil, 0, nil, false
	return dropped
}

// idle tells whether nothing is between the fetcher and Poll.
func (p *part) idle() bool { return len(p.segments) == 0 && len(p.ready) == 0 && !p.unpacking }

// wants tells whether it may be asked for now.
func (p *part) wants(now time.Time, node int32) bool {
	return p.leader == node && !p.halted && !p.paused && !p.inFlight && !p.topic.dead && !now.Before(p.notBefore)
}

// failed puts the next attempt off.
func (p *part) failed(now time.Time) {
	p.fails++
	p.notBefore = now.Add(backoff(p.fails))
}
