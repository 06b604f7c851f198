package offsets

import (
	"fmt"

	"github.com/millrace/millrace/internal/batch"
)

// A claim that would put a pipeline on state or offsets that are not its own is refused with one of these. Nothing was written; an
// operator has to decide.

// PlanMismatch: the kept state of an operator does not fit the new plan.
type PlanMismatch struct {
	Pipeline  string
	Operator  string // its id in the plan
	Kept, New string // signatures; New is empty if the plan no longer has the operator
}

func (e *PlanMismatch) Error() string {
	const cure = "give the pipeline another name to start it afresh, restore the operator, or drop the kept state with `processor drop`"
	if e.New == "" {
		return fmt.Sprintf("offsets: pipeline %s: operator %s (%s) has state in the ledger and is no longer in the plan; %s",
			e.Pipeline, e.Operator, e.Kept, cure)
	}
	return fmt.Sprintf("offsets: pipeline %s: operator %s: kept state is %q, the plan needs %q; %s", e.Pipeline, e.Operator, e.Kept, e.New, cure)
}

// ShardsChanged: the kept state is cut into another number of shards.
type ShardsChanged struct {
	Pipeline  string
	Kept, New int
}

func (e *ShardsChanged) Error() string {
	return fmt.Sprintf("offsets: pipeline %s: its state is in %d shards, the plan has %d; the number is fixed for the life of the state: "+
		"set it back, or give the pipeline another name to start it afresh", e.Pipeline, e.Kept, e.New)
}

// TopicRecreated: the topic of a source was deleted and made again, so the kept offsets mean other records.
type TopicRecreated struct {
	Pipeline  string
	Partition batch.Partition
	Kept, New [16]byte // topic ids
}

func (e *TopicRecreated) Error() string {
	return fmt.Sprintf("offsets: pipeline %s: topic of %s was recreated (its id was %s, now %s): the kept offset means nothing in it; "+
		"reset it with `processor offsets`, or give the pipeline another name", e.Pipeline, e.Partition, batch.Token(e.Kept), batch.Token(e.New))
}

// PartitionsChanged: the number of a topic's partitions changed although keys rely on it.
type PartitionsChanged struct {
	Pipeline  string
	Topic     string
	Kept, New int32
}

func (e *PartitionsChanged) Error() string {
	return fmt.Sprintf("offsets: pipeline %s: topic %s had %d partitions and has %d: keys are in other partitions than their state; "+
		"give the pipeline another name, or declare that the topic is not partitioned by the key", e.Pipeline, e.Topic, e.Kept, e.New)
}
