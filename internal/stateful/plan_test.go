package stateful

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

func id(n byte) batch.Token       { return batch.Token{15: n} }
func head(seq int64, n byte) Head { return Head{Seq: seq, ID: id(n)} }
func stored(seq int64, n, prev byte) StoredDelta {
	return StoredDelta{Head: head(seq, n), Prev: id(prev)}
}

// facts is what a planner finds; nil means that there is none.
type facts struct {
	local      *Head
	target     Head
	snapshot   *Head
	deltas     []StoredDelta // what the ledger has; a read gives those after the head and up to the target
	unreadable int64         // the seq of a delta that does not decode
}

// decide runs the planner over facts as restore.go does, without I/O, and returns the actions it takes.
func decide(f facts) (actions []action, p planner) {
	p = planner{target: f.target}
	var local Head
	if f.local != nil {
		local = *f.local
	}
	next := p.start(local, f.local != nil)
	for {
		actions = append(actions, next)
		switch next {
		case done, fail:
			return actions, p
		case doDrop:
			next = p.dropped()
		case askSnapshot:
			if f.snapshot == nil {
				next = p.snapshot(Head{}, false)
			} else {
				next = p.snapshot(*f.snapshot, true)
			}
		case startEmpty:
			next = p.based(Head{})
		case loadSnapshot:
			next = p.based(p.at)
		case readDeltas:
			next = p.read(f)
		}
	}
}

func (p *planner) read(f facts) action {
	after := p.at.Seq
	for _, d := range f.deltas {
		if d.Head.Seq <= after || d.Head.Seq > p.target.Seq {
			continue
		}
		if next := p.delta(d.Head, d.Prev); next != applyDelta {
			return next
		}
		if d.Head.Seq == f.unreadable {
			return p.mismatch(ErrDamaged)
		}
		p.applied(d.Head)
	}
	return p.ended()
}

func TestRestoreDecisions(t *testing.T) {
	at := func(seq int64, n byte) *Head { h := head(seq, n); return &h }
	chain := []StoredDelta{stored(1, 1, 0), stored(2, 2, 1), stored(3, 3, 2), stored(4, 4, 3)}
	rebuild := func(rest ...action) []action { return append([]action{doDrop, askSnapshot}, rest...) }
	for _, tt := range []struct {
		name  string
		facts facts
		want  []action
		err   error
	}{
		{"local state at the head is used", facts{local: at(4, 4), target: head(4, 4)}, []action{done}, nil},
		{"nothing anywhere is the empty state", facts{}, rebuild(startEmpty, done), nil},
		{"an empty local state of a shard without a head is used", facts{local: &Head{}}, []action{done}, nil},
		{"a local state behind catches up", facts{local: at(2, 2), target: head(4, 4), deltas: chain}, []action{readDeltas, done}, nil},
		{"an empty local state catches up", facts{local: &Head{}, target: head(4, 4), deltas: chain}, []action{readDeltas, done}, nil},
		{"later deltas than the claimed head are left", facts{local: at(2, 2), target: head(3, 3), deltas: chain}, []action{readDeltas, done}, nil},
		{"without local state all deltas are applied", facts{target: head(4, 4), deltas: chain}, rebuild(startEmpty, readDeltas, done), nil},
		{"without local state the snapshot is loaded", facts{target: head(4, 4), snapshot: at(2, 2), deltas: chain[2:]}, rebuild(loadSnapshot, readDeltas, done), nil},
		{"a snapshot at the head is enough", facts{target: head(4, 4), snapshot: at(4, 4)}, rebuild(loadSnapshot, done), nil},
		{"local state ahead of the ledger is dropped", facts{local: at(5, 5), target: head(4, 4), deltas: chain}, rebuild(startEmpty, readDeltas, done), nil},
		{"local state of the same seq and another id is dropped", facts{local: at(4, 9), target: head(4, 4), deltas: chain}, rebuild(startEmpty, readDeltas, done), nil},
		{"local state that a ledger gone back does not know is dropped", facts{local: at(3, 9), target: head(4, 4), deltas: chain}, []action{readDeltas, doDrop, askSnapshot, startEmpty, readDeltas, done}, nil},
		{"the ledger has gone back to nothing", facts{local: at(3, 9)}, rebuild(startEmpty, done), nil},
		{"trimmed past the local state: from the snapshot", facts{local: at(1, 1), target: head(4, 4), snapshot: at(3, 3), deltas: chain[3:]}, []action{readDeltas, doDrop, askSnapshot, loadSnapshot, readDeltas, done}, nil},
		{"all trimmed: from the snapshot", facts{local: at(1, 1), target: head(4, 4), snapshot: at(4, 4)}, []action{readDeltas, doDrop, askSnapshot, loadSnapshot, done}, nil},
		{"a delta that does not decode, and a snapshot beyond it", facts{local: at(1, 1), target: head(4, 4), snapshot: at(3, 3), deltas: chain, unreadable: 2}, []action{readDeltas, doDrop, askSnapshot, loadSnapshot, readDeltas, done}, nil},
		{"a delta that does not decode, and no snapshot", facts{target: head(4, 4), deltas: chain, unreadable: 2}, rebuild(startEmpty, readDeltas, fail), ErrHistoryIncomplete},
		{"trimmed without a snapshot", facts{target: head(4, 4), deltas: chain[1:]}, rebuild(startEmpty, readDeltas, fail), ErrHistoryIncomplete},
		{"a hole is found once with and once without the local state", facts{local: at(1, 1), target: head(4, 4), deltas: []StoredDelta{chain[0], chain[1], chain[3]}}, []action{readDeltas, doDrop, askSnapshot, startEmpty, readDeltas, fail}, ErrHistoryIncomplete},
		{"deltas end before the head", facts{target: head(4, 4), deltas: chain[:2]}, rebuild(startEmpty, readDeltas, fail), ErrHistoryIncomplete},
		{"the last delta has another id than the head", facts{target: head(4, 7), deltas: chain}, rebuild(startEmpty, readDeltas, fail), ErrHistoryIncomplete},
		{"a delta of the right seq and another previous id", facts{target: head(2, 2), deltas: []StoredDelta{chain[0], stored(2, 2, 8)}}, rebuild(startEmpty, readDeltas, fail), ErrHistoryIncomplete},
		{"a delta that skips a seq", facts{target: head(3, 3), deltas: []StoredDelta{chain[0], stored(3, 3, 1)}}, rebuild(startEmpty, readDeltas, fail), ErrHistoryIncomplete},
		{"a snapshot past the claimed head", facts{target: head(4, 4), snapshot: at(5, 5)}, rebuild(fail), ErrHeadMoved},
		{"a snapshot at the claimed seq with another id", facts{target: head(4, 4), snapshot: at(4, 5)}, rebuild(fail), ErrHeadMoved},
	} {
		t.Run(tt.name, func(t *testing.T) {
			actions, p := decide(tt.facts)
			require.Equal(t, tt.want, actions)
			require.ErrorIs(t, p.err, tt.err)
			if tt.err == nil {
				require.Equal(t, tt.facts.target, p.at)
			}
		})
	}
}

// TestEveryRestoreEndsAtTheHeadOrInAnError takes all small worlds: local states, snapshots and subsets of the deltas of two histories.
func TestEveryRestoreEndsAtTheHeadOrInAnError(t *testing.T) {
	all := []StoredDelta{stored(1, 1, 0), stored(2, 2, 1), stored(2, 12, 1), stored(3, 3, 2), stored(3, 13, 12)}
	heads := []*Head{nil}
	for _, h := range []Head{{}, head(1, 1), head(2, 2), head(2, 12), head(3, 3), head(3, 13)} {
		heads = append(heads, &h)
	}
	reached, failed := 0, 0
	for subset := range 1 << len(all) {
		var deltas []StoredDelta
		for i, d := range all {
			if subset>>i&1 == 1 {
				deltas = append(deltas, d)
			}
		}
		for _, local := range heads {
			for _, snapshot := range heads {
				for _, target := range heads[1:] {
					if snapshot != nil && *snapshot == (Head{}) {
						continue // is no snapshot
					}
					actions, p := decide(facts{local: local, target: *target, snapshot: snapshot, deltas: deltas})
					require.Less(t, len(actions), 10)
					if actions[len(actions)-1] == fail {
						require.Error(t, p.err)
						failed++
						continue
					}
					require.Equal(t, *target, p.at)
					reached++
				}
			}
		}
	}
	require.Positive(t, reached)
	require.Positive(t, failed)
}
