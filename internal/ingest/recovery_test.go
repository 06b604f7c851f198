package ingest

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/batch"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Log cleaning keeps the last marker of a producer that is still active as a control batch without records (BatchRetention.RETAIN_EMPTY).
func TestAMarkerThatCompactionHasEmptiedIsPassedOver(t *testing.T) {
	empty := batchOf(6, nil)[:headerSize]
	binary.BigEndian.PutUint64(empty[43:], 7)
	binary.BigEndian.PutUint16(empty[21:], 1<<4|1<<5)
	binary.BigEndian.PutUint32(empty[57:], 0)
	b := append(append(batchOf(5, []byte("a")), sealed(empty)...), batchOf(7, []byte("b"))...)
	next, _, used, err := walk(b, 5)
	require.NoError(t, err)
	u := &unpacker{inflater: inflater{most: 1 << 20}, pool: &slabs{}, chunk: 1 << 20}
	defer u.close()
	g := segment{raw: b[:used], from: 5, next: next}
	c, err := u.next(&g, batch.Partition{Topic: "t"})
	require.NoError(t, err)
	require.Equal(t, int64(8), c.Next)
	require.Len(t, c.Records, 2)
}

func TestATopicThatIsGoneHaltsAgainAfterASeek(t *testing.T) {
	k := start(t, 1, quick)
	k.put(0, "a", "b")
	r := k.consume(at(0, 0))
	r.caughtUp(0, 2)
	req := kmsg.NewPtrDeleteTopicsRequest()
	rt := kmsg.NewDeleteTopicsRequestTopic()
	rt.Topic = kmsg.StringPtr("t")
	req.TopicNames, req.Topics = []string{"t"}, append(req.Topics, rt)
	_, err := req.RequestWith(t.Context(), k.producer())
	require.NoError(t, err)
	r.halted(TopicDeleted)
	require.NoError(t, r.Seek([]Assignment{at(0, 2)}))
	n := len(r.halts)
	r.until("it halts again", func() bool { return len(r.halts) > n })
	require.Equal(t, TopicDeleted, r.halts[n].Code)
	require.Equal(t, int64(2), r.halts[n].Offset)
}

func TestATroubleThatIsOverAfterASeekIsOver(t *testing.T) {
	k := start(t, 1, quick)
	k.put(0, "a")
	bad := true
	k.ControlKey(int16(kmsg.Fetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		k.KeepControl()
		if !bad {
			return nil, nil, false
		}
		f := req.(*kmsg.FetchRequest)
		resp := f.ResponseKind().(*kmsg.FetchResponse)
		for _, t := range f.Topics {
			rt := kmsg.NewFetchResponseTopic()
			rt.Topic, rt.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				rp := kmsg.NewFetchResponseTopicPartition()
				rp.Partition, rp.ErrorCode = p.Partition, kerr.TopicAuthorizationFailed.Code
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
	r := k.consume(at(0, 0))
	require.Eventually(t, func() bool { return r.Health().Err != nil }, 5*time.Second, 10*time.Millisecond)
	// the rights come, and a claim places the partition, before the next attempt
	require.Eventually(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		p := r.parts[at(0, 0).Partition]
		if p.inFlight || p.fails < 4 {
			return false
		}
		bad = false
		return true
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, r.Seek([]Assignment{at(0, 0)}))
	r.caughtUp(0, 1)
	require.Eventually(t, func() bool { return r.Health().Err == nil }, 3*time.Second, 10*time.Millisecond, "%v", r.Health().Err)
}

// While one leader is asked for epochs the partition gets another: the first one's answer says nothing of the second one's log.
func TestALeaderThatComesDuringAValidationIsValidatedToo(t *testing.T) {
	id := batch.Partition{Topic: "t"}
	s := &topicState{Topic: Topic{Name: "t", Partitions: []int32{0}}, added: 1}
	p := &part{id: id, topic: s, next: 10, epoch: 3, leader: 1, leaderEpoch: 5, unchecked: true}
	k := &Consumer{parts: map[batch.Partition]*part{id: p}, order: []*part{p}, look: make(chan struct{}, 1), arrived: make(chan struct{}, 1)}
	asked, _ := k.unvalidated(1)
	require.Len(t, asked, 1)
	k.led(s, []kmsg.MetadataResponseTopicPartition{{Partition: 0, Leader: 2, LeaderEpoch: 6}})
	require.True(t, p.unchecked)
	k.validated(asked[0], &kmsg.OffsetForLeaderEpochResponseTopicPartition{LeaderEpoch: 3, EndOffset: 10})
	require.True(t, p.unchecked, "leader 2 with epoch 6 has not been asked")
}
