package batch

// Pace says when batches begin and end. All times are microseconds since 1970.
type Pace struct {
	Interval int64
}

// Time is the batch time of a batch that is opened at now when the one before it had prev (0: there was none): the end of the interval
// in which it is opened, and at least one interval after prev. It is fixed when the batch opens, since expressions read it while
// the batch fills. While catching up it leads the clock, as batches end by their caps and not by the clock.
func (p Pace) Time(prev, now int64) int64 {
	end := floor(now, p.Interval) + p.Interval
	if prev == 0 {
		return end
	}
	return max(prev+p.Interval, end)
}

// TimerTime is the batch time of a batch without input at now: now rounded down. It never leads the clock; false if prev still does.
func (p Pace) TimerTime(prev, now int64) (int64, bool) {
	t := floor(now, p.Interval)
	return t, t >= prev+p.Interval
}

// Deadline is when a batch opened at now is cut at the latest: at the end of the interval in which it was opened, however far its batch
// time leads the clock.
func (p Pace) Deadline(now int64) int64 { return floor(now, p.Interval) + p.Interval }

func floor(t, step int64) int64 {
	q := t / step
	if t%step < 0 {
		q--
	}
	return q * step
}

// Caps end a batch before its interval does.
type Caps struct {
	Records int
	Bytes   int64
}

// Reached tells whether a batch of this size must be cut.
func (c Caps) Reached(records int, bytes int64) bool { return records >= c.Records || bytes >= c.Bytes }

// Backoff is how long to wait before attempt n (1, 2, …) to reach a server that is away, in microseconds: 100 ms doubled each time, at
// most 5 s, so that a service is back within seconds of its server.
func Backoff(n int) int64 {
	const first, most int64 = 100_000, 5_000_000
	if n > 6 {
		return most
	}
	return min(first<<(n-1), most)
}
