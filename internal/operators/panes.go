package operators

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// panes is one shard's state of a windowed operator: one table a pane (an event-time window, or a slice of batch time), by the pane's
// time. In the store a key is the pane's time, then the operator's key, so that panes are ranges.
type panes struct {
	byTime map[int64]*table
	times  []int64 // sorted
	gone   int64   // the last pane that was dropped: the store has it until the batch that dropped it is applied
	loaded bool
	whole  bool // every key of the shard is in memory
	spare  []*table
	layout *layout
	value  []byte
	buf    []byte
}

func newPanes(l *layout) *panes {
	return &panes{byTime: map[int64]*table{}, layout: l, gone: never}
}

// never is before every pane's time.
const never = math.MinInt64

// pane returns the table of a pane, made if it is not there.
func (p *panes) pane(time int64) *table {
	if t := p.byTime[time]; t != nil {
		return t
	}
	var t *table
	if n := len(p.spare); n > 0 {
		t, p.spare = p.spare[n-1], p.spare[:n-1]
	} else {
		t = newTable(p.layout)
	}
	p.byTime[time] = t
	at, _ := slices.BinarySearch(p.times, time)
	p.times = slices.Insert(p.times, at, time)
	return t
}

// drop forgets the panes up to and including time, and deletes them from the store.
func (p *panes) drop(time int64, id uint32, changes func() Changes) {
	if time <= p.gone {
		return
	}
	n := 0
	for n < len(p.times) && p.times[n] <= time {
		t := p.byTime[p.times[n]]
		t.reset()
		if len(p.spare) < 4 {
			p.spare = append(p.spare, t)
		}
		delete(p.byTime, p.times[n])
		n++
	}
	if n == 0 {
		return
	}
	p.gone = p.times[n-1]
	changes().DeleteRange(id, appendWindow(nil, p.times[0]), appendWindow(nil, p.gone+1))
	p.times = slices.Delete(p.times, 0, n)
}

// load brings the shard's panes into memory, as far as they fit.
func (p *panes) load(r Reader, shard int, id uint32, budget int64) error {
	if p.loaded {
		return nil
	}
	p.loaded = true
	const look = 16 // keys between two looks at the size, which asks every pane
	n := 0
	err := r.Scan(shard, id, nil, nil, func(key, value []byte) error {
		if n%look == 0 && p.size() > budget {
			return errStop
		}
		n++
		return p.take(key, value)
	})
	if errors.Is(err, errStop) {
		return nil
	}
	p.whole = err == nil
	return err
}

// take puts a key of the store into memory unless memory has it.
func (p *panes) take(key, value []byte) error {
	if len(key) < windowBytes {
		return fmt.Errorf("state key of %d bytes is shorter than a window's time", len(key))
	}
	rest := key[windowBytes:]
	t, hash := p.pane(windowOf(key)), hashKey(rest)
	if t.find(rest, hash) >= 0 {
		return nil
	}
	return p.fill(t, t.insert(rest, hash), value)
}

func (p *panes) fill(t *table, i int, value []byte) error {
	t.weigh(i, len(value))
	return p.layout.decode(value, t.acc(i))
}

// fetch brings the panes up to and including time into memory.
func (p *panes) fetch(r Reader, shard int, id uint32, time int64) error {
	if p.whole {
		return nil
	}
	return r.Scan(shard, id, p.first(), appendWindow(nil, time+1), p.take)
}

// first is where the panes begin in the store that have not been dropped.
func (p *panes) first() []byte {
	if p.gone == never {
		return nil
	}
	return appendWindow(nil, p.gone+1)
}

// any tells whether there is a pane up to and including time, in memory or in the store.
func (p *panes) any(r Reader, shard int, id uint32, time int64) (bool, error) {
	switch {
	case len(p.times) > 0 && p.times[0] <= time:
		return true, nil
	case p.whole || time <= p.gone:
		return false, nil
	}
	err := r.Scan(shard, id, p.first(), appendWindow(nil, time+1), func(_, _ []byte) error { return errStop })
	if errors.Is(err, errStop) {
		return true, nil
	}
	return false, err
}

// lookup finds a key's accumulators in a pane: in memory, else in the store, else new.
func (p *panes) lookup(r Reader, shard int, id uint32, time int64, key []byte, hash uint64) (*table, int, error) {
	t := p.pane(time)
	if i := t.find(key, hash); i >= 0 {
		return t, i, nil
	}
	i := t.insert(key, hash)
	if p.whole {
		return t, i, nil
	}
	p.buf = append(appendWindow(p.buf[:0], time), key...)
	v, ok, err := r.Get(shard, id, p.buf, p.value[:0])
	if err != nil {
		return nil, 0, err
	}
	if p.value = v; ok {
		err = p.fill(t, i, v)
	}
	return t, i, err
}

// put writes a key's accumulators to the store.
func (p *panes) put(id uint32, time int64, t *table, i int, changes Changes) {
	p.buf = append(appendWindow(p.buf[:0], time), t.key(i)...)
	p.value = p.layout.encode(p.value[:0], t.acc(i))
	t.weigh(i, len(p.value))
	changes.Put(id, p.buf, p.value)
}

func (p *panes) size() int64 {
	var n int64
	for _, t := range p.byTime {
		n += t.size()
	}
	for _, t := range p.spare {
		n += t.size()
	}
	return n
}

// shrink drops from memory what the store has (OP3).
func (p *panes) shrink(applied uint32) {
	p.whole, p.spare = false, nil
	for time, t := range p.byTime {
		if n := t.newer(applied); len(n.entries) > 0 {
			p.byTime[time] = n
			continue
		}
		delete(p.byTime, time)
		at, _ := slices.BinarySearch(p.times, time)
		p.times = slices.Delete(p.times, at, at+1)
	}
}
