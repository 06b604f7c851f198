package admin

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

// clock is a time that the test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

func newClock() *clock { return &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

// ready returns a status in which everything holds.
func ready(c *clock) *Status {
	s := NewStatus(c.now)
	for _, cond := range []Condition{Claimed, Kafka, Postgres, State, Running} {
		s.Set(cond, "")
	}
	return s
}

func TestNothingHoldsUntilItIsSaid(t *testing.T) {
	s := NewStatus(newClock().now)
	ok, why := s.Ready()
	require.False(t, ok)
	require.Len(t, why, 5)
	require.Equal(t, Claimed, why[0].Condition, "reasons are ordered")
	require.Equal(t, "starting", why[0].Reason)
	ok, why = ready(newClock()).Ready()
	require.True(t, ok)
	require.Empty(t, why)
}

func TestAReasonKeepsTheTimeAtWhichItsConditionFirstCeasedToHold(t *testing.T) {
	c := newClock()
	s := ready(c)
	c.pass(time.Minute)
	broke := c.at
	s.Set(Postgres, "connection refused")
	c.pass(time.Minute)
	s.Set(Postgres, "the server is starting up")
	_, why := s.Ready()
	require.Equal(t, []Reason{{Condition: Postgres, Reason: "the server is starting up", Since: broke}}, why)

	s.Set(Postgres, "")
	c.pass(time.Minute)
	s.Set(Postgres, "connection refused")
	_, why = s.Ready()
	require.Equal(t, c.at, why[0].Since, "a new failure has a time of its own")
}

func TestReadinessChangesWithTheFirstAndTheLastReason(t *testing.T) {
	c := newClock()
	s := ready(c)
	c.pass(time.Second)
	first := c.at
	s.Set(Kafka, "no broker answers")
	c.pass(time.Second)
	s.Set(Halted(batch.Partition{Topic: "flights", ID: 3}), "the topic was made anew")
	s.Set(Kafka, "")
	require.Equal(t, first, s.Since())
	ok, why := s.Ready()
	require.False(t, ok)
	require.Equal(t, Condition("halted flights/3"), why[0].Condition)
	c.pass(time.Second)
	s.Set(Halted(batch.Partition{Topic: "flights", ID: 3}), "")
	require.Equal(t, c.at, s.Since())
}

func TestManyMayReportAndReadAtOnce(t *testing.T) {
	s := NewStatus(newClock().now)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 1000 {
				s.Set(Halted(batch.Partition{Topic: "flights", ID: int32(i)}), "retention deleted what was not read")
				s.Ready()
				s.Set(Halted(batch.Partition{Topic: "flights", ID: int32(i)}), "")
			}
		})
	}
	all.Wait()
	_, why := s.Ready()
	require.Len(t, why, 5, "only what was never said to hold is left")
}
