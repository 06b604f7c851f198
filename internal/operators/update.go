package operators

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// Config is what a wide operator is built with.
type Config struct {
	Op     *plan.Keyed
	Stage  string
	Lanes  int
	Shards int
	Store  Reader
	Memory int64 // bytes of state that one operator may load ahead of use
}

// keyed is what all keyed operators share: partials, and rows by shard.
type keyed struct {
	emitter
	Config
	partials []*Partial
	rows     []*rowBuffers // by shard, made on first use
}

func newKeyed(c Config) keyed {
	l := newLayout(c.Op.Agg.Aggs)
	k := keyed{emitter: emitter{op: c.Op, stage: c.Stage, layout: l}, Config: c, rows: make([]*rowBuffers, c.Shards)}
	for range c.Lanes {
		k.partials = append(k.partials, newPartial(c.Op, c.Stage, c.Shards, l))
	}
	return k
}

// Input gives the lane's end of the operator.
func (k *keyed) Input(lane int) Rows { return k.partials[lane].Add }

// Held is what the lane's partial holds of the batch.
func (k *keyed) Held(lane int) int64 { return k.partials[lane].table.used() }

// Seal ends a lane's input.
func (k *keyed) Seal(lane int) error {
	p := k.partials[lane]
	if p.failure != nil {
		return k.fault(p.failure.err, p.failure.key)
	}
	p.seal()
	return nil
}

// Shards is how many parts Merge may be called for.
func (k *keyed) Shards() int { return k.Config.Shards }

// Reset makes the operator ready for the next batch.
func (k *keyed) Reset() {
	for _, p := range k.partials {
		p.reset()
	}
}

func (k *keyed) rowsOf(shard int) *rowBuffers {
	if k.rows[shard] == nil {
		k.rows[shard] = k.buffers()
	}
	return k.rows[shard]
}

// Reduce is reduceByKey: aggregates of one batch, without state.
type Reduce struct {
	keyed
	tables []*table // by shard
}

// NewReduce returns a reduceByKey.
func NewReduce(c Config) *Reduce {
	r := &Reduce{keyed: newKeyed(c), tables: make([]*table, c.Shards)}
	for s := range r.tables {
		r.tables[s] = newTable(r.layout)
	}
	return r
}

// Merge emits one row for each key of the batch.
func (r *Reduce) Merge(m *Merge) error {
	t := r.tables[m.Shard]
	t.reset()
	for _, p := range r.partials {
		for _, j := range p.of(m.Shard) {
			key, hash := p.table.key(int(j)), p.table.entries[j].hash
			i := t.find(key, hash)
			if i < 0 {
				i = t.insert(key, hash)
			}
			if err := r.layout.merge(t.acc(i), p.table.acc(int(j))); err != nil {
				return r.fault(err, key)
			}
		}
	}
	for i := range t.entries {
		if err := r.emit(m, r.rowsOf(m.Shard), t.key(i), t.acc(i), 0); err != nil {
			return err
		}
	}
	return nil
}

// Forget, Due, Size and Shrink have nothing to do without state.
func (r *Reduce) Forget() {}

// Due is never: without input there is nothing to reduce.
func (r *Reduce) Due(_, _, _ int64) (bool, error) { return false, nil }

// Size is zero.
func (r *Reduce) Size() int64 { return 0 }

// Shrink does nothing.
func (r *Reduce) Shrink(uint32) {}

// Update is updateStateByKey: one state a key for ever.
type Update struct {
	keyed
	id     uint32
	kept   *layout // of the state
	shards []updateShard
}

// updateShard is one shard's state in memory. whole tells that every key of the shard is there, so that a miss means a new key.
type updateShard struct {
	table   *table
	touched []uint32
	loaded  bool
	whole   bool
	value   []byte
	heavy   []row.Value // the old state while the new one is computed
}

// NewUpdate returns an updateStateByKey.
func NewUpdate(c Config) *Update {
	u := &Update{keyed: newKeyed(c), id: c.Op.StateID(), shards: make([]updateShard, c.Shards)}
	u.kept = u.layout
	if c.Op.State != nil {
		u.kept = stateLayout(c.Op.State)
	}
	u.Forget()
	return u
}

// Forget drops all that is not in the store.
func (u *Update) Forget() {
	for s := range u.shards {
		u.shards[s] = updateShard{table: newTable(u.kept), value: u.shards[s].value}
	}
}

// Merge folds the batch into the state, then emits the changed keys, or all.
func (u *Update) Merge(m *Merge) error {
	s := &u.shards[m.Shard]
	s.touched = s.touched[:0]
	for _, p := range u.partials {
		for _, j := range p.of(m.Shard) {
			if err := u.fold(m, s, p, int(j)); err != nil {
				return err
			}
		}
	}
	if len(s.touched) > 0 {
		changes := m.Changes()
		for _, i := range s.touched {
			s.value = u.kept.encode(s.value[:0], s.table.acc(int(i)))
			s.table.weigh(int(i), len(s.value))
			changes.Put(u.id, s.table.key(int(i)), s.value)
		}
	}
	if u.op.Emit == plan.EmitAll {
		return u.emitAll(m, s)
	}
	for _, i := range s.touched {
		if err := u.emit(m, u.rowsOf(m.Shard), s.table.key(int(i)), s.table.acc(int(i)), 0); err != nil {
			return err
		}
	}
	return nil
}

// fold merges one key of a partial into the state.
func (u *Update) fold(m *Merge, s *updateShard, p *Partial, j int) error {
	key, hash := p.table.key(j), p.table.entries[j].hash
	i, err := u.lookup(m.Shard, s, key, hash)
	if err != nil {
		return err
	}
	e := &s.table.entries[i]
	first := e.mark != m.Batch
	if first {
		e.mark = m.Batch
		s.touched = append(s.touched, uint32(i))
	}
	if u.op.State == nil {
		if err := u.layout.merge(s.table.acc(i), p.table.acc(j)); err != nil {
			return u.fault(err, key)
		}
		return nil
	}
	if !first {
		return nil // combined has taken it: the update expression runs once a key and batch
	}
	a, err := u.combined(p, key, hash, j)
	if err != nil {
		return u.fault(err, key)
	}
	return u.step(m, s, i, a)
}

// combined gives the key's aggregates over all lanes.
func (u *Update) combined(p *Partial, key []byte, hash uint64, j int) (acc, error) {
	a := p.table.acc(j)
	for _, q := range u.partials {
		if q == p {
			continue
		}
		if k := q.table.find(key, hash); k >= 0 {
			if err := u.layout.merge(a, q.table.acc(k)); err != nil {
				return a, err
			}
		}
	}
	return a, nil
}

// step computes a key's new state by the update expressions.
func (u *Update) step(m *Merge, s *updateShard, i int, a acc) error {
	b := u.rowsOf(m.Shard)
	key := s.table.key(i)
	if err := u.keys(b.results, key); err != nil {
		return err
	}
	state := s.table.acc(i).heavy
	n := len(u.op.Keys)
	copy(b.results[n:], state)
	u.layout.results(a, b.results[n+len(state):])
	if cap(s.heavy) < len(state) {
		s.heavy = make([]row.Value, len(state))
	}
	s.heavy = s.heavy[:len(state)]
	if err := u.values(m.Out, b, s.heavy); err != nil {
		return u.fault(err, key)
	}
	for k := range state {
		state[k] = s.heavy[k].Clone()
	}
	m.Out.Scratch.Reset()
	return nil
}

// lookup finds a key's state: in memory, else in the store, else new.
func (u *Update) lookup(shard int, s *updateShard, key []byte, hash uint64) (int, error) {
	if !s.loaded {
		if err := u.load(shard, s); err != nil {
			return 0, err
		}
	}
	if i := s.table.find(key, hash); i >= 0 {
		return i, nil
	}
	i := s.table.insert(key, hash)
	if !s.whole {
		v, ok, err := u.Store.Get(shard, u.id, key, s.value[:0])
		if err != nil {
			return 0, fmt.Errorf("%s: read state: %w", u.stage, err)
		}
		s.value = v
		if ok {
			return i, u.fill(s.table, i, v)
		}
	}
	for k := range u.kept.state {
		s.table.acc(i).heavy[k] = row.NullValue // a new key has no state yet
	}
	return i, nil
}

func (u *Update) fill(t *table, i int, value []byte) error {
	if err := u.kept.decode(value, t.acc(i)); err != nil {
		return fmt.Errorf("%s: state: %w", u.stage, err)
	}
	t.weigh(i, len(value))
	return nil
}

// errStop ends a scan early.
var errStop = errors.New("operators: enough")

// load brings the shard's state into memory, as far as it fits.
func (u *Update) load(shard int, s *updateShard) error {
	s.loaded = true
	budget := u.Memory / int64(u.Config.Shards)
	err := u.Store.Scan(shard, u.id, nil, nil, func(key, value []byte) error {
		if s.table.size() > budget {
			return errStop
		}
		return u.fill(s.table, s.table.insert(key, hashKey(key)), value)
	})
	if errors.Is(err, errStop) {
		return nil
	}
	s.whole = err == nil
	return err
}

func (u *Update) emitAll(m *Merge, s *updateShard) error {
	if !s.loaded {
		if err := u.load(m.Shard, s); err != nil {
			return err
		}
	}
	b := u.rowsOf(m.Shard)
	for i := range s.table.entries {
		if err := u.emit(m, b, s.table.key(i), s.table.acc(i), 0); err != nil {
			return err
		}
	}
	if s.whole {
		return nil
	}
	spare := newTable(u.kept)
	return u.Store.Scan(m.Shard, u.id, nil, nil, func(key, value []byte) error {
		if s.table.find(key, hashKey(key)) >= 0 {
			return nil // newer in memory
		}
		spare.reset()
		i := spare.insert(key, hashKey(key))
		if err := u.fill(spare, i, value); err != nil {
			return err
		}
		return u.emit(m, b, key, spare.acc(i), 0)
	})
}

// Due is never: state changes with input only.
func (u *Update) Due(_, _, _ int64) (bool, error) { return false, nil }

// Size is the state held in memory.
func (u *Update) Size() int64 {
	var n int64
	for s := range u.shards {
		n += u.shards[s].table.size()
	}
	return n
}

// Shrink drops from memory what the store has (OP3).
func (u *Update) Shrink(applied uint32) {
	for i := range u.shards {
		s := &u.shards[i]
		s.table, s.whole = s.table.newer(applied), false
	}
}
