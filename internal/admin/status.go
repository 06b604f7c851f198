package admin

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace/millrace/internal/batch"
)

// Condition is something that must hold for a commit to succeed.
type Condition string

// The conditions that every instance needs. None holds until it is Set to "".
const (
	Claimed  Condition = "claimed"  // the ledger's rows carry this instance's token
	Kafka    Condition = "kafka"    // the brokers answer
	Postgres Condition = "postgres" // the database answers and accepts writes
	State    Condition = "state"    // state stands at the ledger's heads
	Running  Condition = "running"  // not draining, not failed
)

// Halted is the condition of a partition that waits for an operator.
func Halted(p batch.Partition) Condition { return Condition("halted " + p.String()) }

// Reason is a condition that does not hold.
type Reason struct {
	Condition Condition `json:"condition"`
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"` // when it ceased to hold; a change of words does not move it
}

// Status is what holds now. All methods may be called at the same time.
type Status struct {
	now func() time.Time
	mu  struct {
		sync.Mutex
		broken  map[Condition]Reason
		changed time.Time // of the last time that readiness itself changed
	}
}

// NewStatus returns a status in which nothing holds yet.
func NewStatus(now func() time.Time) *Status {
	s := &Status{now: now}
	s.mu.broken = map[Condition]Reason{}
	s.mu.changed = now()
	for _, c := range []Condition{Claimed, Kafka, Postgres, State, Running} {
		s.Set(c, "starting")
	}
	return s
}

// Set tells that a condition holds (reason "") or why it does not. The reason is shown to people: it must not hold a secret.
func (s *Status) Set(c Condition, reason string) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	was := len(s.mu.broken) == 0
	if reason == "" {
		delete(s.mu.broken, c)
	} else {
		s.breakIt(c, reason, now)
	}
	if is := len(s.mu.broken) == 0; is != was {
		s.mu.changed = now
	}
}

// breakIt keeps the time at which the condition first ceased to hold. The caller holds the lock.
func (s *Status) breakIt(c Condition, reason string, now time.Time) {
	if old, ok := s.mu.broken[c]; ok {
		now = old.Since
	}
	s.mu.broken[c] = Reason{Condition: c, Reason: reason, Since: now}
}

// Ready tells whether a commit can succeed now and, if not, all that stands against it, ordered by condition.
func (s *Status) Ready() (bool, []Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	why := make([]Reason, 0, len(s.mu.broken))
	for _, r := range s.mu.broken {
		why = append(why, r)
	}
	slices.SortFunc(why, func(a, b Reason) int { return strings.Compare(string(a.Condition), string(b.Condition)) })
	return len(why) == 0, why
}

// Since is when readiness last changed.
func (s *Status) Since() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.changed
}
