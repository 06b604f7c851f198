package stateful

import (
	"fmt"

	"github.com/millrace/millrace/internal/batch"
)

// action is what a restore does next. The decisions are here, without I/O; restore.go carries them out.
type action uint8

const (
	doDrop       action = iota // delete what is there
	askSnapshot                // ask the ledger for its newest snapshot
	loadSnapshot               // load it; the head is then the snapshot's
	startEmpty                 // mark the dropped shard as the empty state
	readDeltas                 // ask the ledger for the deltas after the head, up to the target
	applyDelta                 // apply the delta that was read
	done                       // the head is the target (S4)
	fail                       // err says why
)

func (a action) String() string {
	return [...]string{"drop", "ask for snapshot", "load snapshot", "start empty", "read deltas", "apply delta", "done", "fail"}[a]
}

// planner decides the restore of one shard:
//
//	IF the local state is at the target THEN done
//	IF it is behind THEN base := local ELSE base := rebuild            (ahead of the ledger, the same seq with another id, or no marker)
//	rebuild: drop; base := the newest snapshot, or empty if there is none; a snapshot past the target means that the claim is old
//	apply each delta whose seq is head + 1 and whose previous id is the head's (S3), up to the target
//	IF another comes, or none and the head is not the target THEN     (another history, a gap, trimmed, damaged)
//		IF the base was local THEN rebuild, once ELSE fail
type planner struct {
	target  Head
	at      Head
	valid   bool // at says which state is there
	rebuilt bool // the base is not the local state
	cause   error
	err     error
}

func (p *planner) start(local Head, ok bool) action {
	p.at, p.valid = local, ok
	switch {
	case ok && local == p.target:
		return done
	case ok && local.Seq < p.target.Seq:
		return readDeltas
	case ok:
		return p.rebuild(fmt.Errorf("local state is at %s, the ledger at %s", local, p.target))
	default:
		return p.rebuild(nil)
	}
}

func (p *planner) rebuild(cause error) action {
	p.valid, p.rebuilt = false, true
	p.cause = cause
	return doDrop
}

func (p *planner) dropped() action { return askSnapshot }

func (p *planner) snapshot(s Head, ok bool) action {
	switch {
	case !ok:
		return startEmpty
	case s.Seq > p.target.Seq, s.Seq == p.target.Seq && s.ID != p.target.ID:
		return p.failed(fmt.Errorf("%w: claimed %s, snapshot %s", ErrHeadMoved, p.target, s))
	default:
		p.at = s
		return loadSnapshot
	}
}

// based says that the base is complete: a snapshot was loaded, or the empty state was marked.
func (p *planner) based(at Head) action {
	p.at, p.valid = at, true
	if at == p.target {
		return done
	}
	return readDeltas
}

func (p *planner) delta(d Head, prev batch.Token) action {
	if d.Seq != p.at.Seq+1 || prev != p.at.ID || d.Seq > p.target.Seq {
		return p.mismatch(fmt.Errorf("delta %s after %s does not follow %s", d, prev, p.at))
	}
	return applyDelta
}

func (p *planner) applied(d Head) { p.at = d }

// ended says that the ledger has no more deltas up to the target.
func (p *planner) ended() action {
	if p.at == p.target {
		return done
	}
	return p.mismatch(fmt.Errorf("deltas end at %s, the head is %s", p.at, p.target))
}

// mismatch is also what becomes of a delta that cannot be read: a snapshot may lie beyond it.
func (p *planner) mismatch(cause error) action {
	if p.rebuilt {
		return p.failed(fmt.Errorf("%w: %w", ErrHistoryIncomplete, cause))
	}
	return p.rebuild(cause)
}

func (p *planner) failed(err error) action {
	p.err = err
	return fail
}
