package stateful

import (
	"cmp"
	"slices"
	"time"
)

// Age is what the snapshot policy knows of a shard.
type Age struct {
	Shard         int
	Since         int64 // batch time, in microseconds, of its last snapshot; of this instance's first batch if it has none
	Deltas        int64 // since then
	DeltaBytes    int64 // since then, as encoded
	SnapshotBytes int64 // of its last snapshot, as encoded; 0 if there is none
}

const (
	// A shard whose deltas are less than this part of its last snapshot waits: writing all of a large state again for a few changes costs more
	// than it saves. It waits no longer than maxWait times snapshot_every, so that what a restore replays stays bounded.
	worthwhile = 8
	maxWait    = 8
	// perBatch bounds how many shards are due at one batch time: 1 of so many, at least one.
	perBatch = 8
)

// Due returns the shards to take a snapshot of at batch time now, in the order in which to take them. Every shard's turn comes once in each
// period of every, the shards' turns spread over it; a shard whose turn has passed stays due. every <= 0 means never.
func Due(now int64, every time.Duration, shards []Age) []int {
	period := every.Microseconds()
	if period <= 0 {
		return nil
	}
	var due []Age
	for _, a := range shards {
		phase := phase(a.Shard, period)
		if a.isDue(turn(now, phase, period) - turn(a.Since, phase, period)) {
			due = append(due, a)
		}
	}
	slices.SortFunc(due, func(a, b Age) int { return cmp.Or(cmp.Compare(a.Since, b.Since), cmp.Compare(a.Shard, b.Shard)) })
	due = due[:min(len(due), max(1, len(shards)/perBatch))]
	out := make([]int, len(due))
	for i, a := range due {
		out[i] = a.Shard
	}
	return out
}

// phase places a shard's turn in the period by multiples of the golden ratio: any run of shard numbers is spread evenly, and a shard's turn does
// not move when others come or go.
func phase(shard int, period int64) int64 {
	const golden = 0x9E3779B9 // 2^32 / 1.618...
	return int64(float64(uint32(shard)*golden) / (1 << 32) * float64(period))
}

func (a Age) isDue(turns int64) bool {
	if turns <= 0 || a.Deltas == 0 {
		return false
	}
	return a.DeltaBytes >= a.SnapshotBytes/worthwhile || turns >= maxWait
}

// turn counts a shard's turns up to t; it rounds down for times before 1970 too.
func turn(t, phase, period int64) int64 {
	n := (t - phase) / period
	if (t-phase)%period < 0 {
		n--
	}
	return n
}
