package engine

import (
	"maps"

	"github.com/millrace/millrace/internal/batch"
)

// tide is a partition's event time.
type tide struct {
	greatest int64 // event time seen, microseconds; NoWatermark: none
	restored int64 // the watermark that the ledger had
	delay    int64 // how far the watermark stays behind
	patience int64 // how long a caught-up partition must be silent until it does not hold the watermark back
	next     int64
	end      int64
	silent   int64 // since when it has been caught up, microseconds of the clock; 0: it is not
}

func (t *tide) watermark() int64 {
	if t.greatest == batch.NoWatermark {
		return t.restored
	}
	return max(t.restored, t.greatest-t.delay)
}

// idle tells whether the partition is caught up and has been for long enough. A timer alone never decides: the position must have reached the
// end, or windows would close over input that is there.
func (t *tide) idle(now int64) bool {
	return t.silent != 0 && now-t.silent >= t.patience
}

// caught notes how far a chunk has read the partition.
func (t *tide) caught(c *batch.Chunk, now int64) {
	t.next, t.end = c.Next, max(c.End, t.end)
	switch {
	case t.next < t.end:
		t.silent = 0
	case t.silent == 0 || len(c.Records) > 0:
		t.silent = now
	}
}

// watermark is the least watermark of the partitions that are not idle, and never below what it was (B4). If all are idle it is the
// greatest of theirs: nothing that has been read is still to come.
func watermark(was int64, tides map[batch.Partition]*tide, now int64) int64 {
	least, greatest, waiting := int64(1<<63-1), was, false
	for t := range maps.Values(tides) {
		w := t.watermark()
		greatest = max(greatest, w)
		if !t.idle(now) {
			waiting = true
			least = min(least, w)
		}
	}
	if !waiting {
		return greatest
	}
	return max(was, least)
}
