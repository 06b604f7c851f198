package ingest

import (
	"context"
	"fmt"

	"github.com/millrace/millrace/internal/plan"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ListOffsets takes these for a time.
const (
	atEnd   = -1
	atStart = -2
)

const (
	uncommitted = 0
	committed   = 1
)

// Resolve turns a start into numbers, one a partition of the topic: for Latest the end that a read_committed reader sees, for AtTime the
// first record not older than that, or the end if there is none.
func (c *Client) Resolve(ctx context.Context, t Topic, start plan.Start) (map[int32]int64, error) {
	when := map[plan.StartKind]int64{plan.Earliest: atStart, plan.Latest: atEnd, plan.AtTime: start.Time.UnixMilli()}[start.Kind]
	at, err := c.listOffsets(ctx, t.Name, t.Partitions, when, committed)
	if err != nil {
		return nil, fmt.Errorf("resolve start of topic %q: %w", t.Name, err)
	}
	var later []int32
	for _, p := range t.Partitions {
		if at[p] < 0 {
			later = append(later, p)
		}
	}
	if len(later) == 0 {
		return at, nil
	}
	ends, err := c.listOffsets(ctx, t.Name, later, atEnd, committed)
	if err != nil {
		return nil, fmt.Errorf("resolve start of topic %q: %w", t.Name, err)
	}
	for p, end := range ends {
		at[p] = end
	}
	return at, nil
}

// listOffsets asks the leaders. Every partition asked for is in the result, or there is an error.
func (c *Client) listOffsets(ctx context.Context, topic string, partitions []int32, when int64, isolation int8) (map[int32]int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, isolation
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic = topic
	for _, p := range partitions {
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Partition, rp.CurrentLeaderEpoch, rp.Timestamp = p, -1, when
		rt.Partitions = append(rt.Partitions, rp)
	}
	req.Topics = append(req.Topics, rt)
	resp, err := c.kc.Request(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("list offsets: %w", err)
	}
	out := map[int32]int64{}
	for _, t := range resp.(*kmsg.ListOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, fmt.Errorf("list offsets of %s/%d: %w", topic, p.Partition, err)
			}
			out[p.Partition] = p.Offset
		}
	}
	if len(out) != len(partitions) {
		return nil, fmt.Errorf("list offsets of %s: asked for %d partitions, got %d", topic, len(partitions), len(out))
	}
	return out, nil
}
