package operators

import (
	"bytes"
	"encoding/binary"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// Partial is one lane's share of a keyed operator's input in a batch: aggregated by key already, so that the shuffle and the state see each
// key once a lane.
type Partial struct {
	op     *plan.Keyed
	stage  string
	shards int
	keys   []keyPart
	inputs []input
	table  *table
	key    []byte
	window func(*Context) (start int64, ok bool) // nil: keys have no window before them

	staged  []stagedInput
	bytes   []byte // keys of the staged inputs
	args    []input
	order   []uint32 // entries by shard, once sealed
	begin   []uint32 // by shard: where its entries begin in order; one more at the end
	failure *overflow
}

type keyPart struct {
	typ  row.Type
	text func(*expr.Env) (string, bool)
	num  func(*expr.Env) (int64, bool)
	any  func(*expr.Env) row.Value
}

// overflow is an accumulator that ran out of range. The record in hand is not at fault alone, and some of its key's accumulators have taken it
// already: so the batch as a whole cannot be computed.
type overflow struct {
	key []byte
	err error
}

type stagedInput struct {
	end int // of its key in Partial.bytes
	key int // where the part of the key begins that decides the shard
}

func newPartial(op *plan.Keyed, stage string, shards int, l *layout) *Partial {
	p := &Partial{op: op, stage: stage, shards: shards, inputs: make([]input, len(l.aggs)), table: newTable(l), begin: make([]uint32, shards+1)}
	for _, x := range op.KeyExprs {
		k := keyPart{typ: x.Type, any: x.Value}
		if x.Type.Rep() == row.RepText {
			k.text = x.Text
		} else if x.Int != nil {
			k.num = x.Int
		}
		p.keys = append(p.keys, k)
	}
	return p
}

// Add takes a row: keys and arguments are evaluated first, then it has its effect (OP2).
func (p *Partial) Add(c *Context) {
	from := 0
	p.key = p.key[:0]
	if p.window != nil {
		start, ok := p.window(c)
		if !ok {
			c.Reached = true // the late rows
			return
		}
		p.key = appendWindow(p.key, start)
		from = len(p.key)
	}
	for i := range p.keys {
		p.key = p.keys[i].append(p.key, &c.Env)
	}
	for i := range p.inputs {
		in := &p.inputs[i]
		in.skip = false
		if load := p.table.layout.aggs[i].load; load != nil {
			load(&c.Env, in)
		}
	}
	if c.failed(p.stage) {
		return
	}
	c.Reached = true
	if c.Staging {
		p.hold(c, from)
		return
	}
	p.apply(p.key, from, p.inputs)
}

func (k *keyPart) append(dst []byte, e *expr.Env) []byte {
	switch {
	case k.text != nil:
		s, null := k.text(e)
		return row.AppendKey(dst, row.Value{S: s, Null: null}, k.typ)
	case k.num != nil:
		n, null := k.num(e)
		return row.AppendKey(dst, row.Value{N: n, Null: null}, k.typ)
	}
	return row.AppendKey(dst, k.any(e), k.typ)
}

func (p *Partial) apply(key []byte, from int, in []input) {
	hash := hashKey(key)
	i := p.table.find(key, hash)
	if i < 0 {
		i = p.table.insert(key, hash)
		shardHash := hash
		if from > 0 {
			shardHash = hashKey(key[from:]) // a key's windows live in one shard
		}
		p.table.entries[i].aux = uint32(shardOf(shardHash, p.shards))
	}
	if err := p.table.layout.add(p.table.acc(i), in); err != nil && p.failure == nil {
		p.failure = &overflow{key: bytes.Clone(key[from:]), err: err}
	}
}

// hold stages the row in hand.
func (p *Partial) hold(c *Context, from int) {
	if len(p.staged) == 0 {
		c.staged = append(c.staged, p)
	}
	p.bytes = append(p.bytes, p.key...)
	p.args = append(p.args, p.inputs...)
	p.staged = append(p.staged, stagedInput{end: len(p.bytes), key: from})
}

func (p *Partial) settle() {
	at, n := 0, len(p.inputs)
	for i, s := range p.staged {
		p.apply(p.bytes[at:s.end], s.key, p.args[i*n:(i+1)*n])
		at = s.end
	}
	p.drop()
}

func (p *Partial) drop() { p.staged, p.bytes, p.args = p.staged[:0], p.bytes[:0], p.args[:0] }

// seal sorts the entries by shard, by counting.
func (p *Partial) seal() {
	clear(p.begin)
	for i := range p.table.entries {
		p.begin[p.table.entries[i].aux+1]++
	}
	for s := 1; s < len(p.begin); s++ {
		p.begin[s] += p.begin[s-1]
	}
	if cap(p.order) < len(p.table.entries) {
		p.order = make([]uint32, len(p.table.entries))
	}
	p.order = p.order[:len(p.table.entries)]
	next := append(make([]uint32, 0, len(p.begin)), p.begin...)
	for i := range p.table.entries {
		s := p.table.entries[i].aux
		p.order[next[s]] = uint32(i)
		next[s]++
	}
}

// of gives the entries of one shard; seal comes first.
func (p *Partial) of(shard int) []uint32 { return p.order[p.begin[shard]:p.begin[shard+1]] }

func (p *Partial) reset() {
	p.table.reset()
	p.order = p.order[:0]
	clear(p.begin)
	p.drop()
	p.failure = nil
}

// windowBytes is the length of a window's time in keys.
const windowBytes = 8

// appendWindow appends a window's time so that bytes sort as times do.
func appendWindow(dst []byte, micros int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(micros)^(1<<63))
}

func windowOf(key []byte) int64 { return int64(binary.BigEndian.Uint64(key) ^ (1 << 63)) }
