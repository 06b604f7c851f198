package operators

import (
	"bytes"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/millrace/millrace/internal/row"
)

// hashVersion names hashKey in markers: state whose shards were made by another hash does not fit.
const hashVersion = 1

// HashVersion is the version of the hash that maps keys to shards.
func HashVersion() int { return hashVersion }

func hashKey(key []byte) uint64 { return xxhash.Sum64(key) }

// shardOf maps a key's hash to its shard.
func shardOf(hash uint64, shards int) int { return int(hash % uint64(shards)) }

// table is a hash table from keys to accumulators that allocates nothing per key: keys lie in one arena, accumulators in flat slices.
// Entries are numbered in the order of insertion. Its index uses the hash's high bits, as the shard uses the low ones.
type table struct {
	layout  *layout
	index   []uint32 // entry + 1; 0 is free
	shift   uint
	entries []entry
	keys    []byte
	cells   []cell
	heavy   []row.Value
	held    int64 // bytes that heavy accumulators point to, about; state tables only
}

type entry struct {
	hash uint64
	off  uint32
	len  uint32
	mark uint32 // number of the batch that changed it last; state tables only
	aux  uint32 // partials: shard; state tables: its share of held
}

const smallestIndex = 64

func newTable(l *layout) *table {
	t := &table{layout: l}
	t.resize(smallestIndex)
	return t
}

func (t *table) resize(n int) {
	t.index = make([]uint32, n)
	t.shift = uint(64 - bits.TrailingZeros(uint(n)))
	for i := range t.entries {
		t.place(t.entries[i].hash, uint32(i+1))
	}
}

func (t *table) place(hash uint64, id uint32) {
	mask := uint64(len(t.index) - 1)
	at := hash >> t.shift
	for t.index[at] != 0 {
		at = (at + 1) & mask
	}
	t.index[at] = id
}

// find returns the entry of a key, or -1.
func (t *table) find(key []byte, hash uint64) int {
	mask := uint64(len(t.index) - 1)
	for at := hash >> t.shift; ; at = (at + 1) & mask {
		id := t.index[at]
		if id == 0 {
			return -1
		}
		e := &t.entries[id-1]
		if e.hash == hash && bytes.Equal(t.keys[e.off:e.off+e.len], key) {
			return int(id - 1)
		}
	}
}

// insert adds a key that is not there, with empty accumulators, and returns its entry.
func (t *table) insert(key []byte, hash uint64) int {
	if (len(t.entries)+1)*4 > len(t.index)*3 {
		t.resize(2 * len(t.index))
	}
	i := len(t.entries)
	t.entries = append(t.entries, entry{hash: hash, off: uint32(len(t.keys)), len: uint32(len(key))})
	t.keys = append(t.keys, key...)
	t.cells = extend(t.cells, t.layout.cells)
	t.heavy = extend(t.heavy, t.layout.heavy)
	t.place(hash, uint32(i+1))
	return i
}

// extend lengthens s by n zero elements.
func extend[E any](s []E, n int) []E {
	at := len(s)
	for range n {
		var zero E
		s = append(s, zero)
	}
	return s[:at+n]
}

func (t *table) key(i int) []byte {
	e := &t.entries[i]
	return t.keys[e.off : e.off+e.len : e.off+e.len]
}

func (t *table) acc(i int) acc {
	c, h := i*t.layout.cells, i*t.layout.heavy
	return acc{cells: t.cells[c : c+t.layout.cells], heavy: t.heavy[h : h+t.layout.heavy]}
}

// reset empties the table and keeps its memory.
func (t *table) reset() {
	if len(t.entries) == 0 {
		return
	}
	clear(t.index)
	clear(t.heavy)
	t.entries, t.keys, t.cells, t.heavy, t.held = t.entries[:0], t.keys[:0], t.cells[:0], t.heavy[:0], 0
}

// weigh notes how many bytes an entry has in the store, for what its heavy accumulators hold.
func (t *table) weigh(i, bytes int) {
	if t.layout.heavy > 0 {
		t.held += int64(bytes) - int64(t.entries[i].aux)
		t.entries[i].aux = uint32(bytes)
	}
}

// What an element takes, in bytes.
const entrySize, cellSize, valueSize = 24, 16, 48

// used is the part of size that is in use.
func (t *table) used() int64 {
	return int64(len(t.entries)*entrySize+len(t.keys)+len(t.cells)*cellSize+len(t.heavy)*valueSize) + t.held
}

// size is what the table holds in memory, in bytes.
func (t *table) size() int64 {
	return int64(len(t.index)*4+cap(t.entries)*entrySize+cap(t.keys)+cap(t.cells)*cellSize+cap(t.heavy)*valueSize) + t.held
}

// newer returns a table of the entries that a batch after applied has changed.
func (t *table) newer(applied uint32) *table {
	n := newTable(t.layout)
	for i := range t.entries {
		if t.entries[i].mark <= applied {
			continue
		}
		j := n.insert(t.key(i), t.entries[i].hash)
		n.entries[j].mark = t.entries[i].mark
		n.weigh(j, int(t.entries[i].aux))
		a, b := n.acc(j), t.acc(i)
		copy(a.cells, b.cells)
		copy(a.heavy, b.heavy)
	}
	return n
}
