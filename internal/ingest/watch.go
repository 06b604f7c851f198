package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace/internal/batch"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// watch looks at the topics whenever it is asked to, and now and then unasked: who leads which partition, and whether the topics still
// are what they were.
func (k *Consumer) watch() {
	for fails := 0; ; {
		again, err := k.survey()
		if err != nil && k.ctx.Err() == nil {
			k.tell("metadata", fmt.Errorf("look at the topics: %w", err), true)
		}
		if fails++; err == nil && !again {
			fails = 0
		} else {
			wake(k.look)
		}
		for _, f := range k.newFetchers() {
			k.wg.Go(f)
		}
		if !sleep(k.ctx, max(backoff(fails), 100*time.Millisecond)) { // asked again and again, it does not hammer
			return
		}
		t := time.NewTimer(k.limits.MetadataAge)
		select {
		case <-k.look:
		case <-t.C:
		case <-k.ctx.Done():
		}
		t.Stop()
	}
}

// survey asks once. again tells that a topic or a partition was not well, so that it is to be asked soon.
func (k *Consumer) survey() (again bool, err error) {
	names := make([]string, 0, len(k.topics))
	for n := range k.topics { // the set of topics never changes
		names = append(names, n)
	}
	slices.Sort(names)
	ctx, cancel := context.WithTimeout(k.ctx, askTimeout)
	defer cancel()
	resp, err := k.c.metadata(ctx, names)
	if err != nil {
		return true, err
	}
	k.passed("metadata")
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := range resp.Topics {
		t := &resp.Topics[i]
		if t.Topic != nil && k.topics[*t.Topic] != nil {
			again = k.seen(k.topics[*t.Topic], t) || again
		}
	}
	k.wakeAll()
	return again, nil
}

// seen takes what the metadata says of a topic, and tells whether it is to be asked again soon.
func (k *Consumer) seen(s *topicState, t *kmsg.MetadataResponseTopic) (again bool) {
	about := "topic " + s.Name
	switch err := kerr.ErrorForCode(t.ErrorCode); {
	case s.dead:
		return false
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID):
		k.missing(s, about)
	case err != nil:
		k.tell(about, fmt.Errorf("look at topic %q: %w", s.Name, err), true)
	case t.TopicID != s.ID && t.TopicID != [16]byte{} && s.ID != [16]byte{}:
		k.bury(s, about, func(p *part) *Halt { return haltRecreated(p.id, p.next, s.ID, t.TopicID) })
	default:
		s.missingSince = time.Time{}
		k.passed(about)
		return k.led(s, t.Partitions)
	}
	return !s.dead
}

// missing counts a topic as deleted when it has been missing for a while: a broker that has just started may not know it yet.
func (k *Consumer) missing(s *topicState, about string) {
	if s.missingSince.IsZero() {
		s.missingSince = time.Now()
	}
	if time.Since(s.missingSince) < k.limits.MissingGrace {
		k.tell(about, fmt.Errorf("look at topic %q: %w", s.Name, ErrNoTopic), true)
		return
	}
	k.bury(s, about, func(p *part) *Halt { return haltDeleted(p.id, p.next) })
}

// bury halts all partitions of a topic that is not the one we knew.
func (k *Consumer) bury(s *topicState, about string, why func(*part) *Halt) {
	s.dead, s.why = true, why
	k.passed(about)
	for _, p := range k.order {
		if p.topic == s {
			k.halt(p, why(p))
		}
	}
}

// led takes the partitions' leaders. A leader with a new epoch is asked first whether its log has what was read.
func (k *Consumer) led(s *topicState, parts []kmsg.MetadataResponseTopicPartition) (again bool) {
	was, told := s.added, len(k.stray)
	for i := range parts {
		r := &parts[i]
		id := batch.Partition{Topic: s.Name, ID: r.Partition}
		if p := k.parts[id]; p != nil && r.LeaderEpoch >= p.leaderEpoch {
			if p.leaderEpoch >= 0 && r.LeaderEpoch > p.leaderEpoch {
				p.unchecked, p.notBefore = true, time.Time{}
			}
			p.leader, p.leaderEpoch = r.Leader, r.LeaderEpoch
			if err := kerr.ErrorForCode(r.ErrorCode); r.Leader < 0 && err != nil {
				k.setback(p, err)
				again = true
			}
		}
		if len(parts) > was && !slices.Contains(s.Partitions, r.Partition) && int(r.Partition) >= was {
			k.stray = append(k.stray, haltAdded(id, len(s.Partitions), len(parts)))
			wake(k.arrived)
		}
	}
	slices.SortFunc(k.stray[told:], func(a, b *Halt) int { return a.Partition.Compare(b.Partition) }) // brokers list partitions in any order
	s.added = max(was, len(parts))
	return again
}

// newFetchers returns a fetcher for every leader that has none yet.
func (k *Consumer) newFetchers() (out []func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.order {
		node := p.leader
		if node < 0 || k.fetchers[node] != nil {
			continue
		}
		woken := make(chan struct{}, 1)
		k.fetchers[node] = woken
		out = append(out, func() { k.fetch(node, woken) })
	}
	return out
}
