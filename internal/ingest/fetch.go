package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetch is one fetcher: it asks one broker, one request at a time (a broker answers a connection's requests in order, so a second one
// would wait behind the first one's long poll). Unpacking is elsewhere, so the next request goes out as soon as an answer is here.
func (k *Consumer) fetch(node int32, woken chan struct{}) {
	for k.ctx.Err() == nil {
		k.validate(node)
		asked, req := k.pick(node)
		if len(asked) == 0 {
			k.rest(node, woken)
			continue
		}
		resp, err := k.c.kc.Broker(int(node)).Request(k.ctx, req)
		if err == nil {
			err = kerr.ErrorForCode(resp.(*kmsg.FetchResponse).ErrorCode)
		}
		about := aboutBroker(node)
		if err != nil {
			k.release(asked)
			k.fault(about, fmt.Errorf("fetch from broker %d: %w", node, err))
			continue
		}
		k.passed(about)
		k.take(asked, resp.(*kmsg.FetchResponse))
	}
}

// asked is a partition in a request under way.
type asked struct {
	*part
	move     uint64
	at       int64
	epoch    int32 // the leader's, as the request said; of the last record read, where that is compared
	ofLeader int32 // the leader's epoch as it was known then
}

// pick makes a request of all partitions of the broker that may be asked for. Their order turns, since a broker fills its answer from
// the front.
func (k *Consumer) pick(node int32) (out []asked, req *kmsg.FetchRequest) {
	k.mu.Lock()
	defer k.mu.Unlock()
	room := k.limits.QueueBytes - k.queued
	if room <= 0 {
		return nil, nil
	}
	now, all := time.Now(), true
	k.turn++
	for i := range k.order {
		p := k.order[(i+k.turn)%len(k.order)]
		if p.leader != node || p.halted || p.paused || p.topic.dead {
			continue
		}
		if !p.wants(now, node) || p.unchecked || p.queued >= 2*int64(k.limits.PartitionBytes) {
			all = false
			continue
		}
		p.inFlight = true
		out = append(out, asked{p, p.move, p.next, p.leaderEpoch, p.leaderEpoch})
	}
	return out, k.request(out, room, all)
}

// request builds it. Where a partition had to be left out the broker is not to hold the answer for long: that partition waits for it.
func (k *Consumer) request(parts []asked, room int64, all bool) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.IsolationLevel, req.MinBytes = -1, committed, 1
	req.MaxBytes = int32(min(int64(k.limits.FetchBytes), room))
	req.SessionEpoch = -1 // every request is whole: no session whose state could differ from ours
	wait := k.limits.FetchWait
	if !all {
		wait = min(wait, 20*time.Millisecond)
	}
	req.MaxWaitMillis = int32(wait.Milliseconds())
	index := map[string]int{}
	for _, a := range parts {
		i, ok := index[a.id.Topic]
		if !ok {
			t := kmsg.NewFetchRequestTopic()
			t.Topic, t.TopicID = a.id.Topic, a.topic.ID
			i = len(req.Topics)
			index[a.id.Topic] = i
			req.Topics = append(req.Topics, t)
		}
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition, rp.FetchOffset, rp.CurrentLeaderEpoch, rp.PartitionMaxBytes = a.id.ID, a.at, a.epoch, k.limits.PartitionBytes
		req.Topics[i].Partitions = append(req.Topics[i].Partitions, rp)
	}
	return req
}

// take files an answer. Partitions that were asked for and are not in it are asked again.
func (k *Consumer) take(parts []asked, resp *kmsg.FetchResponse) {
	type key struct {
		topic string
		id    int32
	}
	names := map[[16]byte]string{}
	index := make(map[key]asked, len(parts))
	for _, a := range parts {
		names[a.topic.ID] = a.id.Topic
		index[key{a.id.Topic, a.id.ID}] = a
	}
	var outOfRange []asked
	for i := range resp.Topics {
		t := &resp.Topics[i]
		if resp.Version >= 13 {
			t.Topic = names[t.TopicID]
		}
		for j := range t.Partitions {
			if a, ok := index[key{t.Topic, t.Partitions[j].Partition}]; ok && k.answer(a, &t.Partitions[j]) {
				outOfRange = append(outOfRange, a)
			}
		}
	}
	for _, a := range outOfRange {
		k.classify(a)
	}
	k.release(parts)
	wake(k.arrived)
	k.segments.Broadcast()
}

// release lets partitions be asked for again.
func (k *Consumer) release(parts []asked) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, a := range parts {
		a.inFlight = false
	}
}

// answer files one partition's part of an answer; it tells whether the position was called out of range, which is to be looked into
// outside the lock.
func (k *Consumer) answer(a asked, r *kmsg.FetchResponseTopicPartition) (outOfRange bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if a.move != a.part.move {
		return false
	}
	p := a.part
	err := kerr.ErrorForCode(r.ErrorCode)
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		return true
	case err != nil:
		k.setback(p, err)
		return false
	case r.DivergingEpoch.EndOffset >= 0:
		k.halt(p, haltDataLoss(p.id, p.next, r.DivergingEpoch.Epoch, r.DivergingEpoch.EndOffset))
		return false
	}
	if p.fails > 0 {
		k.passed("partition " + p.id.String())
	}
	p.fails, p.refused = 0, 0
	p.end = r.HighWatermark
	if r.LastStableOffset >= 0 {
		p.end = min(p.end, r.LastStableOffset)
	}
	k.queue(p, r)
	return false
}

// queue appends what the answer brought as a segment.
func (k *Consumer) queue(p *part, r *kmsg.FetchResponseTopicPartition) {
	next, epoch, used, err := walk(r.RecordBatches, p.next)
	if next > p.next {
		k.account(p, func() {
			p.segments = append(p.segments, segment{raw: r.RecordBatches[:used], from: p.next, next: next, move: p.move, txns: abortedOf(r.AbortedTransactions)})
			p.queued += int64(used)
		})
		p.next, p.epoch = next, epoch
		return // an error comes again as the first thing of the next answer, when all before it has been read
	}
	switch {
	case err != nil && p.refetched == p.next:
		k.halt(p, haltOf(err, p.id, p.next, k.limits.BatchBytes))
	case err != nil && p.idle():
		p.refetched = p.next
	case err != nil, used > 0: // whole batches from before the position would come again at once, for ever
		p.failed(time.Now())
	}
}

// halt ends a partition: what was fetched and not handed out is dropped, since the log no longer vouches for it.
func (k *Consumer) halt(p *part, h *Halt) {
	if p.halted {
		return
	}
	k.account(p, func() { k.discard(p.forget()) })
	h.Offset = p.given
	p.halted = true
	p.ready = append(p.ready, item{halt: h})
	k.passed("partition " + p.id.String())
	wake(k.arrived)
}

// setback is an error of one partition that may pass.
func (k *Consumer) setback(p *part, err error) {
	p.failed(time.Now())
	wake(k.look)
	worth := p.fails > 5 // leaders move every day
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		err, worth = fmt.Errorf("%w: the client needs READ on the topic", err), true
	}
	k.tell("partition "+p.id.String(), fmt.Errorf("fetch %s: %w", p.id, err), worth)
}

// fault is a failure of a whole request: told, and waited for.
func (k *Consumer) fault(about string, err error) {
	if k.ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return
	}
	k.tell(about, err, true)
	wake(k.look)
	sleep(k.ctx, 200*time.Millisecond)
}

// tell records a trouble, and logs it once when it is worth it.
func (k *Consumer) tell(about string, err error, worth bool) {
	if worth && k.trouble.set(about, err) {
		k.c.log.Warn("kafka is in trouble, retrying", "about", about, "error", err)
	}
}

func (k *Consumer) passed(about string) {
	if k.trouble.clear(about) {
		k.c.log.Info("kafka is well again", "about", about)
	}
}

func aboutBroker(node int32) string { return fmt.Sprintf("broker %d", node) }

// rest waits until something may be asked of the broker: it is woken, or the soonest partition that was put off is due.
func (k *Consumer) rest(node int32, woken chan struct{}) {
	wait, leads := time.Second, false
	k.mu.Lock()
	now := time.Now()
	for _, p := range k.order {
		leads = leads || p.leader == node && !p.halted
		if p.leader == node && now.Before(p.notBefore) {
			wait = min(wait, p.notBefore.Sub(now))
		}
	}
	k.mu.Unlock()
	if !leads {
		k.passed(aboutBroker(node)) // whatever it had, nothing of ours waits for it any more
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-woken:
	case <-t.C:
	case <-k.ctx.Done():
	}
}
