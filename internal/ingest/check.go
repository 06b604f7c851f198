package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const askTimeout = 10 * time.Second

// classify finds out why a broker called a position out of range, by asking for the log's bounds:
//
//	position < start                 → BELOW_START
//	position > high watermark        → PAST_END
//	in between                       → the epoch may be stale (KAFKA-19902): once more without it, then OUT_OF_RANGE
//	no answer                        → try again later
func (k *Consumer) classify(a asked) {
	ctx, cancel := context.WithTimeout(k.ctx, askTimeout)
	defer cancel()
	start, err := k.c.listOffsets(ctx, a.id.Topic, []int32{a.id.ID}, atStart, uncommitted)
	var end map[int32]int64
	if err == nil {
		end, err = k.c.listOffsets(ctx, a.id.Topic, []int32{a.id.ID}, atEnd, uncommitted)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	p := a.part
	switch {
	case a.move != p.move:
	case err != nil:
		k.setback(p, err)
	case a.at < start[a.id.ID]:
		k.halt(p, haltBelowStart(p.id, a.at, start[a.id.ID]))
	case a.at > end[a.id.ID]:
		k.halt(p, haltPastEnd(p.id, a.at, end[a.id.ID]))
	case p.refused >= 2:
		k.halt(p, haltOutOfRange(p.id, a.at, start[a.id.ID], end[a.id.ID]))
	default:
		p.refused++
		p.epoch, p.unchecked, p.leaderEpoch = -1, false, -1
		k.setback(p, kerr.OffsetOutOfRange)
	}
}

// validate compares the epochs of partitions that are new or have a new leader with the leader's log: the epoch of the last record that was
// read must reach at least to the position, or records that were read are gone (KIP-320).
func (k *Consumer) validate(node int32) {
	parts, req := k.unvalidated(node)
	if len(parts) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(k.ctx, askTimeout)
	defer cancel()
	resp, err := k.c.kc.Broker(int(node)).Request(ctx, req)
	if err != nil {
		k.fault(fmt.Sprintf("broker %d", node), fmt.Errorf("ask broker %d for epochs: %w", node, err))
		return
	}
	for _, t := range resp.(*kmsg.OffsetForLeaderEpochResponse).Topics {
		for i := range t.Partitions {
			for _, a := range parts {
				if a.id.Topic == t.Topic && a.id.ID == t.Partitions[i].Partition {
					k.validated(a, &t.Partitions[i])
				}
			}
		}
	}
}

func (k *Consumer) unvalidated(node int32) (parts []asked, req *kmsg.OffsetForLeaderEpochRequest) {
	k.mu.Lock()
	defer k.mu.Unlock()
	req = kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	now := time.Now()
	for _, p := range k.order {
		if !p.unchecked || !p.wants(now, node) {
			continue
		}
		if p.epoch < 0 { // nothing to compare with
			p.unchecked = false
			continue
		}
		parts = append(parts, asked{p, p.move, p.next, p.epoch, p.leaderEpoch})
		t := kmsg.NewOffsetForLeaderEpochRequestTopic()
		t.Topic = p.id.Topic
		rp := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		rp.Partition, rp.CurrentLeaderEpoch, rp.LeaderEpoch = p.id.ID, p.leaderEpoch, p.epoch
		t.Partitions = append(t.Partitions, rp)
		req.Topics = append(req.Topics, t)
	}
	return parts, req
}

// validated takes the leader's answer. An epoch that the leader does not know (-1) proves nothing by itself: the fetch that follows is out of
// range if the log is shorter now.
func (k *Consumer) validated(a asked, r *kmsg.OffsetForLeaderEpochResponseTopicPartition) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := a.part
	switch err := kerr.ErrorForCode(r.ErrorCode); {
	case a.move != p.move:
	case a.ofLeader != p.leaderEpoch: // another leader since: it is to be asked
	case err != nil:
		k.setback(p, err)
	case r.EndOffset >= 0 && r.EndOffset < a.at:
		k.halt(p, haltDataLoss(p.id, a.at, a.epoch, r.EndOffset))
	default:
		p.unchecked = false
	}
}
