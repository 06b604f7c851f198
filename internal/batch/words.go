package batch

import (
	"cmp"
	"encoding/hex"
	"fmt"
)

// Partition is one partition of a source topic.
type Partition struct {
	Topic string
	ID    int32
}

func (p Partition) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.ID) }

// Compare orders partitions by topic, then number: the order in which rows of the ledger are locked.
func (p Partition) Compare(q Partition) int {
	return cmp.Or(cmp.Compare(p.Topic, q.Topic), cmp.Compare(p.ID, q.ID))
}

// Record is one Kafka record. Its slices are read-only and stay valid until the chunk that brought them is released (Chunk.Release).
type Record struct {
	Key, Value []byte // nil and empty differ: a nil value is a tombstone
	Headers    []Header
	Offset     int64
	Timestamp  int64 // milliseconds since 1970, by the producer or the broker; -1 if the broker has none
}

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Chunk is a run of records of one partition in offset order, as one poll gave them. Next is the position after it: it counts
// control records and gaps too, so Records may be empty while Next moves.
type Chunk struct {
	Partition   Partition
	Records     []Record
	From        int64 // the position before it
	Next        int64 // the position after it
	LeaderEpoch int32 // of the last record, or -1
	End         int64 // the partition's end for a read_committed reader (last stable offset) as last seen; Next == End is caught up
	Bytes       int64 // what it holds in memory, about

	// Release gives the memory of Records back for reuse; it may be nil, and calling it is a kindness, not a duty. After it nothing that
	// Records pointed to may be looked at: whoever keeps a key or a value longer copies it first.
	Release func()
}

// Done releases the chunk's memory, if it can be released.
func (c *Chunk) Done() {
	if c.Release != nil {
		c.Release()
		c.Release = nil
	}
}

// Range is the half-open run of offsets [From, Until) of one partition; Until is where the next batch starts.
// Until-From is not a count of records: compaction and transaction markers leave gaps.
type Range struct {
	Partition   Partition
	From, Until int64
}

// Token is the random value that every claim and every commit writes into the rows it owns. A commit's token is its commit id.
// The zero token is nobody's.
type Token [16]byte

func (t Token) String() string { return hex.EncodeToString(t[:]) }

// NoWatermark stands where no event time has been seen: it is below every event time.
const NoWatermark int64 = -1 << 63

// DeadLetter is an input record that could not be processed.
type DeadLetter struct {
	Source    string
	Partition Partition
	Offset    int64
	Timestamp int64  // milliseconds, of the record
	Stage     string // "decode", or the stream and step, as "late[0].filter", or "sink NAME"
	Code      string // a stable word: decode, evaluate, too_far_ahead, rejected_by_sink
	Error     string
	Key       []byte // nil: the record has none
	Value     []byte
}

// LateRow is an input record whose windows had closed before its batch began.
type LateRow struct {
	Source    string
	Stream    string
	Partition Partition
	Offset    int64
	EventTime int64 // microseconds
	Watermark int64 // microseconds, at the start of its batch
	Key       []byte
	Value     []byte
}
