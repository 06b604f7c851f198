package stateful

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

// ledger is the Source of the tests: deltas and snapshots in memory, with the state that they must give.
type ledger struct {
	shards []shardLedger
	ids    uint64
	all    map[Head]map[string]string // the state at every head that ever was, also of histories that the ledger has lost
	mu     sync.Mutex
	fail   func(what string) error // an error of the database, if it returns one; one call at a time
}

type shardLedger struct {
	deltas   []StoredDelta
	heads    []Head              // heads[i] is the head after i deltas; heads[0] is empty
	want     []map[string]string // the state at each head, by "op/key"
	snapshot Head
	parts    [][]byte
}

func newLedger(shards int) *ledger {
	l := &ledger{shards: make([]shardLedger, shards), all: map[Head]map[string]string{{}: {}}}
	for i := range l.shards {
		l.shards[i] = shardLedger{heads: []Head{{}}, want: []map[string]string{{}}}
	}
	return l
}

func (l *ledger) id() (t batch.Token) {
	l.ids++
	binary.BigEndian.PutUint64(t[8:], l.ids)
	return t
}

func (s *shardLedger) head() Head               { return s.heads[len(s.heads)-1] }
func (s *shardLedger) state() map[string]string { return s.want[len(s.want)-1] }
func (l *ledger) head(shard int) Head           { return l.shards[shard].head() }
func (l *ledger) claim() (claimed []Claimed) {
	for i := range l.shards {
		claimed = append(claimed, Claimed{Shard: i, Head: l.head(i)})
	}
	return claimed
}

// commit makes a delta durable, and keeps what the state is after it.
func (l *ledger) commit(t testing.TB, d *Delta, want map[string]string) Head {
	t.Helper()
	s := &l.shards[d.Shard()]
	var encoded []byte
	if !d.Empty() {
		var err error
		encoded, err = d.Encode(nil)
		require.NoError(t, err)
	}
	prev := s.head()
	h := Head{Seq: prev.Seq + 1, ID: l.id()}
	s.deltas = append(s.deltas, StoredDelta{Head: h, Prev: prev.ID, Bytes: encoded})
	s.heads = append(s.heads, h)
	s.want = append(s.want, want)
	l.all[h] = want
	return h
}

// rollBack takes the ledger of a shard back to its first n deltas, as a failover that loses commits does.
func (l *ledger) rollBack(shard, n int) {
	s := &l.shards[shard]
	s.heads, s.want = s.heads[:n+1], s.want[:n+1]
	s.deltas = slices.DeleteFunc(s.deltas, func(d StoredDelta) bool { return d.Head.Seq > int64(n) })
	if s.snapshot.Seq > int64(n) {
		s.snapshot, s.parts = Head{}, nil
	}
}

func (l *ledger) publish(t testing.TB, p *Snapshot, partBytes int) {
	t.Helper()
	s := &l.shards[p.Shard()]
	s.snapshot, s.parts = p.Head(), nil
	for part, err := range p.Parts(partBytes) {
		require.NoError(t, err)
		s.parts = append(s.parts, bytes.Clone(part))
	}
}

// trim deletes the deltas that the snapshot covers.
func (l *ledger) trim(shard int) {
	s := &l.shards[shard]
	s.deltas = slices.DeleteFunc(s.deltas, func(d StoredDelta) bool { return d.Head.Seq <= s.snapshot.Seq })
}

func (l *ledger) err(what string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail == nil {
		return nil
	}
	return l.fail(what)
}

func (l *ledger) Deltas(_ context.Context, shard int, after, until int64) iter.Seq2[StoredDelta, error] {
	return func(yield func(StoredDelta, error) bool) {
		for _, d := range l.shards[shard].deltas {
			if err := l.err("delta"); err != nil {
				yield(StoredDelta{}, err)
				return
			}
			if d.Head.Seq > after && d.Head.Seq <= until && !yield(d, nil) {
				return
			}
		}
	}
}

func (l *ledger) LatestSnapshot(_ context.Context, shard int) (Head, bool, error) {
	h := l.shards[shard].snapshot
	return h, h != Head{}, l.err("snapshot")
}

func (l *ledger) SnapshotParts(_ context.Context, shard int, _ Head) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, p := range l.shards[shard].parts {
			if err := l.err("part"); err != nil {
				yield(nil, err)
				return
			}
			if !yield(p, nil) {
				return
			}
		}
	}
}

const testShards = 3

func testOptions(fs vfs.FS) Options {
	return Options{Dir: "state", Pipeline: "orders", Shards: testShards, FS: fs, CacheBytes: 1 << 20, MemTableBytes: 256 << 10}
}

func openAt(t testing.TB, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open(testOptions(fs))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// contents reads a shard's whole state the way operators do.
func contents(t testing.TB, s *Store, shard int, ops ...uint32) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, op := range ops {
		require.NoError(t, s.Scan(shard, op, nil, nil, func(k, v []byte) error {
			got[name(op, k)] = string(v)
			return nil
		}))
	}
	return got
}

func name(op uint32, key []byte) string { return fmt.Sprintf("%d/%s", op, key) }

var testOps = []uint32{0, 7, 1<<32 - 1}

func requireAt(t testing.TB, s *Store, l *ledger, shard int, msg ...any) {
	t.Helper()
	h, ok := s.Marker(shard)
	require.True(t, ok, msg...)
	require.Equal(t, l.head(shard), h, msg...)
	require.Equal(t, l.shards[shard].state(), contents(t, s, shard, testOps...), msg...)
}

func restore(t testing.TB, s *Store, l *ledger) Report {
	t.Helper()
	r, err := s.Restore(context.Background(), l, l.claim())
	require.NoError(t, err)
	return r
}

// put commits and applies a delta of the given pairs: op 7, an empty value deletes.
func put(t testing.TB, s *Store, l *ledger, shard int, pairs ...string) {
	t.Helper()
	d := s.NewDelta(shard)
	defer d.Release()
	want := maps.Clone(l.shards[shard].state())
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			d.Delete(7, []byte(pairs[i]))
			delete(want, "7/"+pairs[i])
		} else {
			d.Put(7, []byte(pairs[i]), []byte(pairs[i+1]))
			want["7/"+pairs[i]] = pairs[i+1]
		}
	}
	h := l.commit(t, d, want)
	require.NoError(t, s.Apply(d, h))
}

// shifted is a ledger whose shard 0 stands for another.
type shifted struct {
	*ledger
	shard int
}

func (l shifted) Deltas(ctx context.Context, shard int, after, until int64) iter.Seq2[StoredDelta, error] {
	return l.ledger.Deltas(ctx, shard-l.shard, after, until)
}

func (l shifted) LatestSnapshot(ctx context.Context, shard int) (Head, bool, error) {
	return l.ledger.LatestSnapshot(ctx, shard-l.shard)
}
