package ingest

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/internal/batch"
)

// Code names why a partition halted; people and dashboards may rely on it.
type Code string

// The codes.
const (
	BelowStart        Code = "BELOW_START"        // retention or DeleteRecords removed records that were not read
	PastEnd           Code = "PAST_END"           // the log ends before the position: it lost records that were read
	DataLoss          Code = "DATA_LOSS"          // the log was truncated below the position and may have grown again
	OutOfRange        Code = "OUT_OF_RANGE"       // the broker refuses a position that its own bounds allow
	TopicRecreated    Code = "TOPIC_RECREATED"    // the name now belongs to another topic
	TopicDeleted      Code = "TOPIC_DELETED"      // the topic is not there any more
	PartitionsChanged Code = "PARTITIONS_CHANGED" // a partition that was not there when consuming began
	BatchTooLarge     Code = "BATCH_TOO_LARGE"    // a batch unpacks to more than Limits.BatchBytes
	CorruptBatch      Code = "CORRUPT_BATCH"      // a batch that does not parse, also when fetched again
	OldFormat         Code = "OLD_FORMAT"         // message format v0 or v1, from before Kafka 0.11
)

// Halt is a partition that cannot go on without an operator. Nothing of it is delivered after the Halt until Seek places it anew.
type Halt struct {
	Partition batch.Partition
	Offset    int64 // the position at which it stands
	Code      Code
	Msg       string // what is true
	Cure      string // what an operator can do
}

func (h *Halt) Error() string {
	return fmt.Sprintf("ingest %s@%d: %s: %s; %s", h.Partition, h.Offset, h.Code, h.Msg, h.Cure)
}

// ErrClosed is returned by Poll after Close. Nothing more comes.
var ErrClosed = errors.New("ingest: consumer is closed")

const fromLedger = "set the partition's position with `processor offsets`, or restore the topic"

func haltBelowStart(p batch.Partition, at, start int64) *Halt {
	return &Halt{p, at, BelowStart, fmt.Sprintf("the log starts at %d: %d offsets were removed before they were read", start, start-at),
		"accept the loss by moving the position to the log's start with `processor offsets`, and make the topic's retention longer"}
}

func haltPastEnd(p batch.Partition, at, end int64) *Halt {
	return &Halt{p, at, PastEnd, fmt.Sprintf("the log ends at %d, before the position: records that were read are gone", end), fromLedger}
}

func haltDataLoss(p batch.Partition, at int64, epoch int32, end int64) *Halt {
	return &Halt{p, at, DataLoss, fmt.Sprintf("leader epoch %d ends at %d in the log now: records that were read are gone (unclean leader election?)", epoch, end), fromLedger}
}

func haltOutOfRange(p batch.Partition, at, start, end int64) *Halt {
	return &Halt{p, at, OutOfRange, fmt.Sprintf("the broker refuses the position again and again although its log is [%d, %d)", start, end),
		"look at the broker's log of this partition; restart when it answers"}
}

func haltRecreated(p batch.Partition, at int64, was, is [16]byte) *Halt {
	return &Halt{p, at, TopicRecreated, fmt.Sprintf("topic id was %x and is %x: the topic was deleted and made again, its offsets mean other records", was, is),
		"drop the pipeline's positions of this topic with `processor offsets` to read the new topic from its start"}
}

func haltDeleted(p batch.Partition, at int64) *Halt {
	return &Halt{p, at, TopicDeleted, "the topic is not there any more", "take the source out of the pipeline, or make the topic again and drop its positions with `processor offsets`"}
}

func haltAdded(p batch.Partition, was, is int) *Halt {
	return &Halt{p, 0, PartitionsChanged, fmt.Sprintf("the topic had %d partitions and has %d: keys may have moved to another partition", was, is),
		"restart the pipeline to claim the new partitions"}
}

func haltTooLarge(p batch.Partition, at int64, most int) *Halt {
	return &Halt{p, at, BatchTooLarge, fmt.Sprintf("a batch unpacks to more than %d bytes", most), "move the position past the batch with `processor offsets`, or raise the limit"}
}

func haltCorrupt(p batch.Partition, at int64, why error) *Halt {
	return &Halt{p, at, CorruptBatch, fmt.Sprintf("the batch here cannot be read: %v", why), "repair the broker's replica, or move the position past the batch with `processor offsets`"}
}

func haltOldFormat(p batch.Partition, at int64, magic byte) *Halt {
	return &Halt{p, at, OldFormat, fmt.Sprintf("the batch here has message format v%d", magic), "copy the topic into one with message format v2 (Kafka 0.11 or newer)"}
}
