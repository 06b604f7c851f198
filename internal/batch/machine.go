package batch

import (
	"fmt"
	"maps"
	"slices"
)

// Machine decides what the micro-batch loop of one instance does next. It is told what happened (the On… methods) and answers with
// the steps to take, in order; whoever drives it takes them and reports back. Times are given, never read.
//
//	M1  one commit is under way at most; the next batch may be filled and computed above it meanwhile.
//	M2  state is applied only after its commit was answered with success.
//	M3  whatever fails without a clear answer ends in a claim and a restore: there is one way back, and it is the way in.
//	M4  a fenced instance forgets and ends; it never claims because it was fenced.
//	M5  nothing is computed from before a failure: Forget comes before every Claim but the first.
type Machine struct {
	pace   Pace
	caps   Caps
	target map[Partition]int64 // available-now: positions to reach; nil: go on for ever

	phase   phase
	owned   ownership
	fetched map[Partition]int64 // the position after the newest chunk
	halted  map[Partition]bool
	time    int64 // of the newest opened batch
	mark    int64 // pipeline watermark after the newest computed batch
	fails   int   // in a row
	drain   bool

	open     *filling
	computed *Batch // waits for the commit under way
	inFlight *Batch
}

type phase uint8

const (
	idle phase = iota
	claiming
	restoring
	running
	waiting // for a server to come back
	ended
)

// filling is the open batch.
type filling struct {
	time, deadline int64
	from           map[Partition]int64
	epoch          map[Partition]int32
	records        int
	bytes          int64
}

// Step kinds are what a driver does for the machine.
type (
	// Claim the partitions and shards under a fresh token, then call OnClaimed or OnFailed.
	Claim struct{}
	// Restore state to exactly these heads and seek consumption to these positions (nothing older may be delivered, what is buffered is
	// dropped), then call OnRestored or OnFailed.
	Restore struct {
		Heads     []Head
		Positions map[Partition]Position
	}
	// Open a batch: what is fed from now on belongs to it.
	Open struct{ Time, Watermark int64 }
	// Feed the chunk that OnFetched was called with into the open batch.
	Feed struct{}
	// Compute ends the open batch: no more is fed. Then call OnComputed.
	Compute struct{ Ranges []Moved }
	// Send the batch's commit; when it has ended call OnCommitted or OnFailed.
	Send struct{ Batch *Batch }
	// Apply the batch's deltas to local state.
	Apply struct{ Batch *Batch }
	// Forget all that is computed, filled or cached above the committed state.
	Forget struct{}
	// Wait for so many microseconds, then call OnWoken.
	Wait struct{ Micros int64 }
	// End the loop. Err is nil if all was done that was asked for.
	End struct{ Err error }
)

// Do is one step for the driver: a Claim, Restore, Open, Feed, Compute, Send, Apply, Forget, Wait or End.
type Do any

// NewMachine returns a machine that has not begun.
func NewMachine(pace Pace, caps Caps) *Machine {
	return &Machine{pace: pace, caps: caps, halted: map[Partition]bool{}}
}

// Begin starts it.
func (m *Machine) Begin() []Do {
	m.phase = claiming
	return []Do{Claim{}}
}

// EndAt makes the machine end once everything before these positions is committed.
func (m *Machine) EndAt(target map[Partition]int64) { m.target = maps.Clone(target) }

// OnClaimed takes what the claim read.
func (m *Machine) OnClaimed(c Claimed) []Do {
	m.phase, m.owned, m.time, m.mark = restoring, own(c), c.Time, c.Watermark
	m.fetched = maps.Clone(m.owned.next)
	m.open, m.computed, m.inFlight = nil, nil, nil
	clear(m.halted) // the restore places every partition anew; one that still cannot go on says so again
	return []Do{Restore{Heads: slices.Clone(c.Heads), Positions: c.Positions}}
}

// OnRestored means that state stands at the claimed heads and consumption at the claimed positions.
func (m *Machine) OnRestored() []Do {
	m.phase = running
	return m.settle()
}

// WantsInput tells whether a chunk may be handed to OnFetched now.
func (m *Machine) WantsInput() bool {
	return m.phase == running && !m.drain && m.computed == nil && !m.reached(m.fetched)
}

// Room is how many records the batch that is open, or the next one, can still take.
func (m *Machine) Room() int {
	if m.open == nil {
		return m.caps.Records
	}
	return m.caps.Records - m.open.records
}

// OnFetched takes a chunk's place and size; the steps contain Feed if the chunk belongs to the batch.
func (m *Machine) OnFetched(c *Chunk, now int64) []Do {
	at, ok := m.fetched[c.Partition]
	if !ok || m.halted[c.Partition] || m.phase != running {
		return nil
	}
	if c.From != at || c.Next < c.From {
		return m.stop(fmt.Errorf("O1: chunk of %s covers [%d, %d), position is %d", c.Partition, c.From, c.Next, at))
	}
	if c.Next == at {
		return []Do{Feed{}} // only the partition's end is news
	}
	var do []Do
	if m.open == nil {
		do = append(do, m.begin(m.pace.Time(m.time, now), now))
	}
	o := m.open
	if _, seen := o.from[c.Partition]; !seen {
		o.from[c.Partition], o.epoch[c.Partition] = at, -1
	}
	o.epoch[c.Partition] = max(o.epoch[c.Partition], c.LeaderEpoch)
	m.fetched[c.Partition] = c.Next
	o.records += len(c.Records)
	o.bytes += c.Bytes
	do = append(do, Feed{})
	if m.caps.Reached(o.records, o.bytes) || m.reached(m.fetched) {
		return append(do, m.cut())
	}
	return do
}

// OnGrown takes how many bytes the open batch holds now: rows and aggregates can be more than the records that they came from.
func (m *Machine) OnGrown(bytes int64) []Do {
	if m.phase != running || m.open == nil || !m.caps.Reached(m.open.records, bytes) {
		return nil
	}
	return []Do{m.cut()}
}

// OnTick takes the clock's time. due tells whether a timer or a window asks for a batch even without input.
func (m *Machine) OnTick(now int64, due bool) []Do {
	if m.phase != running || m.computed != nil {
		return nil
	}
	if m.open == nil {
		t, ok := m.pace.TimerTime(m.time, now)
		if due && ok && !m.drain {
			return []Do{m.begin(t, now), m.cut()}
		}
		return nil
	}
	if now >= m.open.deadline || m.drain {
		return []Do{m.cut()}
	}
	return nil
}

// NextTick is when OnTick is wanted next, 0 if only an event can bring something new.
func (m *Machine) NextTick(now int64) int64 {
	switch {
	case m.phase != running || m.computed != nil:
		return 0
	case m.open != nil:
		return m.open.deadline
	}
	return m.pace.Deadline(now)
}

// Committed is the position up to which a partition is committed, or about to be.
func (m *Machine) Committed(p Partition) int64 { return m.owned.next[p] }

// Filling tells whether a batch is open.
func (m *Machine) Filling() bool { return m.open != nil }

// TimerTime is the batch time that a batch without input would have now; false if there can be none yet.
func (m *Machine) TimerTime(now int64) (int64, bool) { return m.pace.TimerTime(m.time, now) }

func (m *Machine) begin(t, now int64) Do {
	m.time = t
	m.open = &filling{time: m.time, deadline: m.pace.Deadline(now), from: map[Partition]int64{}, epoch: map[Partition]int32{}}
	return Open{Time: m.time, Watermark: m.mark}
}

func (m *Machine) cut() Do {
	parts := slices.SortedFunc(maps.Keys(m.open.from), Partition.Compare)
	moved := make([]Moved, len(parts))
	for i, p := range parts {
		moved[i] = Moved{Range: Range{Partition: p, From: m.open.from[p], Until: m.fetched[p]}, LeaderEpoch: m.open.epoch[p], Watermark: NoWatermark}
	}
	return Compute{Ranges: moved}
}

// OnComputed takes the finished batch; b is nil if it turned out to hold nothing that needs a commit.
func (m *Machine) OnComputed(b *Batch) []Do {
	m.open = nil
	if b == nil {
		return m.settle()
	}
	if err := m.owned.advance(b); err != nil {
		return m.stop(err)
	}
	m.mark = b.Watermark
	m.computed = b
	return m.settle()
}

// settle sends what can be sent, and ends if nothing is left to do.
func (m *Machine) settle() []Do {
	if m.inFlight == nil && m.computed != nil {
		m.inFlight, m.computed = m.computed, nil
		return []Do{Send{Batch: m.inFlight}}
	}
	if m.inFlight != nil || m.open != nil || m.phase != running {
		return nil
	}
	if m.drain || m.reached(m.owned.next) {
		m.phase = ended
		return []Do{End{Err: m.unreached()}}
	}
	return nil
}

// OnCommitted means that the commit under way is durable.
func (m *Machine) OnCommitted() []Do {
	b := m.inFlight
	m.inFlight, m.fails = nil, 0
	return append([]Do{Apply{Batch: b}}, m.settle()...)
}

// OnFailed means that a claim, a restore, an apply or a commit has failed.
func (m *Machine) OnFailed(class Class, err error) []Do {
	switch class {
	case InDoubt, Unavailable:
		m.phase = waiting
		m.fails++
		m.open, m.computed, m.inFlight = nil, nil, nil
		if m.drain && m.fails > 1 {
			return m.stop(err)
		}
		return []Do{Forget{}, Wait{Micros: Backoff(m.fails)}}
	}
	return m.stop(err)
}

// OnWoken means that a Wait is over.
func (m *Machine) OnWoken() []Do {
	if m.phase != waiting {
		return nil
	}
	m.phase = claiming
	return []Do{Claim{}}
}

// OnHalted means that a partition cannot go on without an operator: it gets no more input, the others go on.
func (m *Machine) OnHalted(p Partition) []Do {
	m.halted[p] = true
	if m.phase == running && m.open == nil {
		return m.settle()
	}
	return nil
}

// OnDrain asks to finish what is in hand, commit it, and end.
func (m *Machine) OnDrain() []Do {
	if m.drain {
		return nil
	}
	m.drain, m.fails = true, 0 // one failure more may pass, not two
	switch {
	case m.phase != running:
		return m.stop(nil)
	case m.open != nil && m.computed == nil:
		return []Do{m.cut()}
	}
	return m.settle()
}

func (m *Machine) stop(err error) []Do {
	m.phase = ended
	return []Do{Forget{}, End{Err: err}}
}

// reached tells whether every partition that still moves is at its target.
func (m *Machine) reached(at map[Partition]int64) bool {
	if m.target == nil {
		return false
	}
	for p, t := range m.target {
		if at[p] < t && !m.halted[p] {
			return false
		}
	}
	return true
}

// unreached is the error of an available-now run that ends although a halted partition has input left.
func (m *Machine) unreached() error {
	for _, p := range slices.SortedFunc(maps.Keys(m.target), Partition.Compare) {
		if m.owned.next[p] < m.target[p] && !m.drain {
			return fmt.Errorf("partition %s is halted at offset %d with input up to %d", p, m.owned.next[p], m.target[p])
		}
	}
	return nil
}
