package batch

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

var seed = flag.Uint64("seed", 0, "run this seed of the simulation only")

// TestEveryRecordCountsOnceWhateverFails drives machines against a simulated ledger: two instances, commits that are lost, late or answered
// falsely, crashes, pauses, drains, halts, batches without input, and a ledger that goes back in time.
func TestEveryRecordCountsOnceWhateverFails(t *testing.T) {
	if *seed != 0 {
		simulate(t, *seed)
		return
	}
	n := uint64(4000)
	if testing.Short() {
		n = 400
	}
	for s := uint64(1); s <= n; s++ {
		simulate(t, s)
	}
}

// world is a ledger, a log and two instances, driven by one random sequence.
type world struct {
	t      *testing.T
	seed   uint64
	r      *rand.Rand
	ledger simLedger
	backup *simLedger
	ends   map[Partition]int64
	nodes  []*node
	now    int64
	count  uint64
}

// simLedger is what is durable: positions with tokens, one shard's chain, and the rows (how often each offset was counted).
type simLedger struct {
	next   map[Partition]int64
	token  map[Partition]Token
	head   Head
	shard  Token
	time   int64
	epoch  int // count of claims
	counts map[Partition]map[int64]int
	state  map[Partition]map[int64]int // what the chain of deltas has counted
}

func (l *simLedger) clone() *simLedger {
	c := &simLedger{next: map[Partition]int64{}, token: map[Partition]Token{}, head: l.head, shard: l.shard, time: l.time, epoch: l.epoch,
		counts: map[Partition]map[int64]int{}, state: map[Partition]map[int64]int{}}
	for p := range l.next {
		c.next[p], c.token[p] = l.next[p], l.token[p]
		c.counts[p], c.state[p] = map[int64]int{}, map[int64]int{}
		for o, n := range l.counts[p] {
			c.counts[p][o] = n
		}
		for o, n := range l.state[p] {
			c.state[p][o] = n
		}
	}
	return c
}

// commit is the fence and what follows it, as one transaction.
func (l *simLedger) commit(b *Batch) error {
	for _, m := range b.Partitions {
		if l.token[m.Partition] != m.Held {
			return errFencedHere
		}
	}
	for _, s := range b.Shards {
		if l.shard != s.Held {
			return errFencedHere
		}
		if s.Seq != l.head.Seq+1 || s.Prev != l.head.ID {
			return fmt.Errorf("delta %d after head %d", s.Seq, l.head.Seq)
		}
	}
	for _, m := range b.Partitions {
		if l.next[m.Partition] != m.From {
			return fmt.Errorf("batch from %d, ledger at %d", m.From, l.next[m.Partition])
		}
		for o := m.From; o < m.Until; o++ {
			l.counts[m.Partition][o]++
			l.state[m.Partition][o]++
		}
		l.next[m.Partition], l.token[m.Partition] = m.Until, b.ID
	}
	for _, s := range b.Shards {
		l.head, l.shard = Head{Seq: s.Seq, ID: b.ID}, b.ID
	}
	l.time = b.Time
	return nil
}

var errFencedHere = errors.New("fenced")

// node is one instance: a machine, what it would have in memory, and a commit on its way.
type node struct {
	m       *Machine
	dead    bool
	err     error
	applied Head
	wire    *Batch // sent, and the ledger has not decided yet
	late    []*Batch
	waiting bool
	frozen  int
	time    int64
	epoch   int // of its newest claim
}

func (w *world) id() (t Token) {
	w.count++
	for i := range 8 {
		t[i] = byte(w.count >> (8 * i))
	}
	t[15] = 1
	return t
}

func simulate(t *testing.T, seed uint64) {
	w := &world{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 7)), ends: map[Partition]int64{}}
	parts := 1 + w.r.IntN(3)
	w.ledger = simLedger{next: map[Partition]int64{}, token: map[Partition]Token{}, counts: map[Partition]map[int64]int{}, state: map[Partition]map[int64]int{}}
	for i := range parts {
		p := Partition{Topic: "t", ID: int32(i)}
		w.ends[p] = int64(5 + w.r.IntN(40))
		w.ledger.next[p], w.ledger.counts[p], w.ledger.state[p] = 0, map[int64]int{}, map[int64]int{}
	}
	w.start()
	for range 60 + w.r.IntN(120) {
		w.turn()
	}
	w.finish()
}

// start adds an instance that claims at once.
func (w *world) start() {
	n := &node{m: NewMachine(Pace{Interval: second}, Caps{Records: 1 + w.r.IntN(8), Bytes: 1 << 30})}
	n.m.EndAt(w.ends)
	w.nodes = append(w.nodes, n)
	w.take(n, n.m.Begin())
}

// turn lets one thing happen.
func (w *world) turn() {
	w.now += int64(w.r.IntN(700_000))
	switch k := w.r.IntN(100); {
	case k < 3:
		w.start()
	case k < 6:
		w.backup = w.ledger.clone()
	case k < 7 && w.backup != nil:
		w.ledger = *w.backup.clone() // restored from an earlier backup; everyone's tokens are checked against it
	default:
		n := w.nodes[w.r.IntN(len(w.nodes))]
		w.step(n)
	}
}

func (w *world) step(n *node) {
	if len(n.late) > 0 && w.r.IntN(4) == 0 { // a COMMIT that everyone had given up lands
		b := n.late[0]
		n.late = n.late[1:]
		_ = w.ledger.commit(b)
	}
	if n.frozen > 0 {
		n.frozen--
		return
	}
	if n.dead {
		return
	}
	switch k := w.r.IntN(100); {
	case k < 3:
		n.dead = true
		if n.wire != nil {
			n.late = append(n.late, n.wire)
		}
	case k < 6:
		n.frozen = w.r.IntN(30)
	case k < 7:
		w.take(n, n.m.OnDrain())
	case k < 8:
		w.take(n, n.m.OnHalted(Partition{Topic: "t", ID: int32(w.r.IntN(len(w.ends)))}))
	case n.waiting:
		n.waiting = false
		w.take(n, n.m.OnWoken())
	case n.wire != nil && k < 50:
		w.decide(n)
	case k < 60:
		w.take(n, n.m.OnTick(w.now, w.r.IntN(3) == 0))
	default:
		w.fetch(n)
	}
}

// decide lets the ledger answer a commit: truly, not at all though it was executed, not at all and it was not, or later.
func (w *world) decide(n *node) {
	b := n.wire
	n.wire = nil
	switch w.r.IntN(12) {
	case 0:
		_ = w.ledger.commit(b)
		w.take(n, n.m.OnFailed(InDoubt, errors.New("answer lost")))
	case 1:
		w.take(n, n.m.OnFailed(Unavailable, errors.New("rolled back")))
	case 2:
		n.late = append(n.late, b)
		w.take(n, n.m.OnFailed(InDoubt, errors.New("late")))
	default:
		switch err := w.ledger.commit(b); {
		case err == nil:
			w.take(n, n.m.OnCommitted())
		case errors.Is(err, errFencedHere):
			w.take(n, n.m.OnFailed(Fenced, err))
		default:
			require.NoError(w.t, err, "seed %d", w.seed)
		}
	}
}

func (w *world) fetch(n *node) {
	if !n.m.WantsInput() {
		return
	}
	p := Partition{Topic: "t", ID: int32(w.r.IntN(len(w.ends)))}
	at, end := n.m.fetched[p], w.ends[p]
	if at == end {
		return
	}
	c := &Chunk{Partition: p, From: at, Next: min(end, at+1+int64(w.r.IntN(4))), LeaderEpoch: 1, End: end}
	c.Records = make([]Record, c.Next-c.From)
	w.take(n, n.m.OnFetched(c, w.now))
}

// take does the machine's steps as a driver would.
func (w *world) take(n *node, steps []Do) {
	for _, s := range steps {
		switch s := s.(type) {
		case Claim:
			w.claim(n)
		case Restore:
			n.applied = s.Heads[0]
			w.take(n, n.m.OnRestored())
		case Open:
			require.Greater(w.t, s.Time, n.time, "seed %d: batch time", w.seed)
			n.time = s.Time
		case Compute:
			if len(s.Ranges) == 0 && w.r.IntN(2) == 0 { // a timer that was due and gave nothing
				w.take(n, n.m.OnComputed(nil))
				continue
			}
			w.take(n, n.m.OnComputed(&Batch{ID: w.id(), Time: n.time, Partitions: s.Ranges, Shards: []Touched{{Shard: 0}}}))
		case Send:
			require.Nil(w.t, n.wire, "seed %d: M1: two commits under way", w.seed)
			n.wire = s.Batch
		case Apply:
			require.Equal(w.t, n.applied.Seq+1, s.Batch.Shards[0].Seq, "seed %d: M2", w.seed)
			n.applied = Head{Seq: s.Batch.Shards[0].Seq, ID: s.Batch.ID}
		case Wait:
			n.waiting = true
		case End:
			n.dead, n.err = true, s.Err
		}
	}
}

func (w *world) claim(n *node) {
	if n.epoch > 0 && w.ledger.epoch > n.epoch { // it renews a claim, and somebody has claimed since
		w.take(n, n.m.OnFailed(Fenced, errFencedHere))
		return
	}
	w.ledger.epoch++
	n.epoch = w.ledger.epoch
	t := w.id()
	c := Claimed{Token: t, Positions: map[Partition]Position{}, Heads: []Head{w.ledger.head}, Time: w.ledger.time}
	for p := range w.ledger.next {
		w.ledger.token[p] = t
		c.Positions[p] = Position{Next: w.ledger.next[p]}
	}
	w.ledger.shard = t
	n.time = w.ledger.time
	w.take(n, n.m.OnClaimed(c))
}

// finish lets the faults end and one last instance do what is left, then counts.
func (w *world) finish() {
	w.start()
	last := w.nodes[len(w.nodes)-1]
	for i := 0; !last.dead && i < 10_000; i++ {
		w.now += 300_000
		if last.wire != nil {
			b := last.wire
			last.wire = nil
			require.NoError(w.t, w.ledger.commit(b), "seed %d", w.seed)
			w.take(last, last.m.OnCommitted())
			continue
		}
		w.fetch(last)
		w.take(last, last.m.OnTick(w.now, false))
	}
	require.NoError(w.t, last.err, "seed %d", w.seed)
	for _, n := range w.nodes { // zombies wake up
		for _, b := range append(n.late, n.wire) {
			if b != nil {
				require.ErrorIs(w.t, w.ledger.commit(b), errFencedHere, "seed %d", w.seed)
			}
		}
	}
	for p, end := range w.ends {
		require.Equal(w.t, end, w.ledger.next[p], "seed %d: liveness of %s", w.seed, p)
		for o := range end {
			require.Equal(w.t, 1, w.ledger.counts[p][o], "seed %d: rows of %s@%d", w.seed, p, o)
			require.Equal(w.t, 1, w.ledger.state[p][o], "seed %d: state of %s@%d", w.seed, p, o)
		}
	}
}

func TestAFencedInstanceEndsAndDoesNotClaim(t *testing.T) {
	m := NewMachine(Pace{Interval: second}, Caps{Records: 10, Bytes: 1 << 20})
	m.Begin()
	m.OnClaimed(Claimed{Positions: map[Partition]Position{{Topic: "t"}: {}}})
	m.OnRestored()
	steps := m.OnFailed(Fenced, errFencedHere)
	require.Equal(t, []Do{Forget{}, End{Err: errFencedHere}}, steps)
	require.Empty(t, m.OnWoken())
	require.False(t, m.WantsInput())
}

func TestAChunkThatDoesNotContinueThePositionStopsTheMachine(t *testing.T) {
	m := NewMachine(Pace{Interval: second}, Caps{Records: 10, Bytes: 1 << 20})
	p := Partition{Topic: "t"}
	m.Begin()
	m.OnClaimed(Claimed{Positions: map[Partition]Position{p: {Next: 5}}})
	m.OnRestored()
	steps := m.OnFetched(&Chunk{Partition: p, From: 6, Next: 7}, second)
	require.Len(t, steps, 2)
	require.ErrorContains(t, steps[1].(End).Err, "position is 5")
}

func TestDrainingCommitsWhatIsInHand(t *testing.T) {
	m := NewMachine(Pace{Interval: second}, Caps{Records: 10, Bytes: 1 << 20})
	p := Partition{Topic: "t"}
	m.Begin()
	m.OnClaimed(Claimed{Positions: map[Partition]Position{p: {}}})
	m.OnRestored()
	require.Equal(t, []Do{Open{Time: 2 * second, Watermark: 0}, Feed{}}, m.OnFetched(&Chunk{Partition: p, Next: 3, Records: make([]Record, 3)}, second))
	steps := m.OnDrain()
	require.IsType(t, Compute{}, steps[0])
	b := &Batch{ID: Token{1}, Partitions: steps[0].(Compute).Ranges}
	require.Equal(t, []Do{Send{Batch: b}}, m.OnComputed(b))
	require.Equal(t, []Do{Apply{Batch: b}, End{}}, m.OnCommitted())
}
