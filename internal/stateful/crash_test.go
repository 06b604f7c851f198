package stateful

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
)

// change fills a delta with random changes and returns the state after them.
func change(rng *rand.Rand, d *Delta, state map[string]string) map[string]string {
	want := maps.Clone(state)
	for range 1 + rng.IntN(40) {
		op := testOps[rng.IntN(len(testOps))]
		key := strconv.Itoa(rng.IntN(200))
		switch rng.IntN(12) {
		case 0, 1:
			d.Delete(op, []byte(key))
			delete(want, name(op, []byte(key)))
		case 2:
			lo, hi := key, key+"5"
			d.DeleteRange(op, []byte(lo), []byte(hi))
			maps.DeleteFunc(want, func(k, _ string) bool {
				rest, ok := strings.CutPrefix(k, strconv.FormatUint(uint64(op), 10)+"/")
				return ok && rest >= lo && rest < hi
			})
		default:
			value := strings.Repeat(strconv.FormatUint(rng.Uint64(), 16), rng.IntN(20))
			d.Put(op, []byte(key), []byte(value))
			want[name(op, []byte(key))] = value
		}
	}
	return want
}

func commitRandom(t testing.TB, rng *rand.Rand, s *Store, l *ledger, shard int) (*Delta, Head) {
	d := s.NewDelta(shard)
	want := l.shards[shard].state()
	if rng.IntN(10) > 0 {
		want = change(rng, d, want)
	}
	return d, l.commit(t, d, want)
}

// requireHonest checks S1 on what a crash has left, before any restore: a marker names a head that once was, and the keys are that head's.
func requireHonest(t testing.TB, s *Store, l *ledger, msg string) {
	t.Helper()
	for shard := range testShards {
		if at, ok := s.Marker(shard); ok {
			require.Contains(t, l.all, at, msg)
			require.Equal(t, l.all[at], contents(t, s, shard, testOps...), msg)
		}
	}
}

// TestACrashAtAnyWriteLeavesAHeadOfTheHistory lets the machine crash before every single operation on the file system, with none, some and
// all of the unsynced data surviving.
func TestACrashAtAnyWriteLeavesAHeadOfTheHistory(t *testing.T) {
	type image struct {
		fs   *vfs.MemFS
		name string
	}
	var mu sync.Mutex
	var images []image
	rng := rand.New(rand.NewPCG(1, 1))
	mem := vfs.NewCrashableMem()
	take := errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind.ReadOrWrite() == errorfs.OpIsRead || op.Kind == errorfs.OpFileClose {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		for _, percent := range []int{0, 50, 100} {
			fs := mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
			images = append(images, image{fs, fmt.Sprintf("image %d: %d %% before %v of %s", len(images), percent, op.Kind, op.Path)})
		}
		return nil
	})
	l := newLedger(testShards)
	opts := testOptions(errorfs.Wrap(mem, take))
	opts.MemTableBytes = 32 << 10
	s, err := Open(opts)
	require.NoError(t, err)
	restore(t, s, l)
	changes := rand.New(rand.NewPCG(2, 2))
	for i := range 60 {
		d, h := commitRandom(t, changes, s, l, i%testShards)
		require.NoError(t, s.Apply(d, h))
		d.Release()
		if i%20 == 19 {
			require.NoError(t, s.Flush())
		}
	}
	require.NoError(t, s.Close())

	kept := 0
	for _, im := range images {
		s, err := Open(testOptions(im.fs))
		require.NoError(t, err, im.name)
		requireHonest(t, s, l, im.name)
		for shard := range testShards {
			if h, ok := s.Marker(shard); ok && h.Seq > 0 {
				kept++
			}
		}
		restore(t, s, l)
		for shard := range testShards {
			requireAt(t, s, l, shard, im.name)
		}
		require.NoError(t, s.Close(), im.name)
	}
	t.Logf("%d images, %d shards found with state in them", len(images), kept)
	require.Greater(t, len(images), 100)
	require.Greater(t, kept, len(images)/4, "the crashes must also leave state, or the test shows nothing")
}

// world is one life of the metamorphic test: a ledger, a directory and who works on it.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	fs    *vfs.MemFS
	old   *vfs.MemFS // an earlier copy of the directory
	s     *Store
	l     *ledger
	doing string
}

func (w *world) open() {
	opts := testOptions(w.fs)
	opts.MemTableBytes = 16<<10 + w.rng.IntN(64<<10)
	opts.RestoreWorkers = 1 // the same seed fails at the same place
	var err error
	w.s, err = Open(opts)
	require.NoError(w.t, err, w.doing)
}

// crash ends the process: what was not synced survives in part.
func (w *world) crash() {
	image := w.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: []int{0, 10, 50, 90, 100}[w.rng.IntN(5)], RNG: w.rng})
	require.NoError(w.t, w.s.Close())
	w.fs = image
	w.open()
}

var errDatabase = errors.New("database gone")

// recover restores; before it succeeds the source may fail and the process crash.
func (w *world) recover() {
	for w.rng.IntN(3) == 0 {
		left := w.rng.IntN(6)
		w.l.fail = func(string) error {
			if left--; left < 0 {
				return errDatabase
			}
			return nil
		}
		_, err := w.s.Restore(context.Background(), w.l, w.l.claim())
		if err != nil {
			require.ErrorIs(w.t, err, errDatabase, w.doing)
		}
		requireHonest(w.t, w.s, w.l, w.doing)
		if w.rng.IntN(2) == 0 {
			w.crash()
		}
	}
	w.l.fail = nil
	_, err := w.s.Restore(context.Background(), w.l, w.l.claim())
	require.NoError(w.t, err, w.doing)
	for shard := range testShards {
		requireAt(w.t, w.s, w.l, shard, w.doing)
	}
}

var happenings = []struct {
	name   string
	weight int
	do     func(*world)
}{
	{"batch", 60, func(w *world) {
		d, h := commitRandom(w.t, w.rng, w.s, w.l, w.rng.IntN(testShards))
		require.NoError(w.t, w.s.Apply(d, h), w.doing)
		d.Release()
	}},
	{"flush", 6, func(w *world) { require.NoError(w.t, w.s.Flush()) }},
	{"snapshot", 6, func(w *world) {
		p, err := w.s.Snapshot(w.rng.IntN(testShards))
		require.NoError(w.t, err, w.doing)
		w.l.publish(w.t, p, 1+w.rng.IntN(4000))
		require.NoError(w.t, p.Close())
		if w.rng.IntN(2) == 0 {
			w.l.trim(p.Shard())
		}
	}},
	{"crash", 4, func(w *world) { w.crash(); requireHonest(w.t, w.s, w.l, w.doing); w.recover() }},
	{"crash before apply", 4, func(w *world) {
		d, _ := commitRandom(w.t, w.rng, w.s, w.l, w.rng.IntN(testShards))
		d.Release()
		w.crash()
		w.recover()
	}},
	{"commit not seen", 3, func(w *world) { // the answer was lost: the store stays open
		d, _ := commitRandom(w.t, w.rng, w.s, w.l, w.rng.IntN(testShards))
		d.Release()
		w.recover()
	}},
	{"clean restart", 3, func(w *world) {
		require.NoError(w.t, w.s.Close())
		w.open()
		requireHonest(w.t, w.s, w.l, w.doing)
		w.recover()
	}},
	{"directory deleted", 2, func(w *world) {
		require.NoError(w.t, w.s.Close())
		w.fs = vfs.NewCrashableMem()
		w.open()
		w.recover()
	}},
	{"copy of the directory", 2, func(w *world) {
		w.old = w.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: w.rng})
	}},
	{"directory swapped for the copy", 2, func(w *world) {
		if w.old == nil {
			return
		}
		require.NoError(w.t, w.s.Close())
		w.fs, w.old = w.old, nil
		w.open()
		w.recover()
	}},
	{"ledger gone back", 2, func(w *world) {
		shard := w.rng.IntN(testShards)
		sl := &w.l.shards[shard]
		lo := int(sl.snapshot.Seq) // what is trimmed cannot come back: the backup holds the snapshot or all of the deltas
		if len(sl.deltas) > 0 {
			lo = max(lo, int(sl.deltas[0].Head.Seq)-1)
		}
		w.l.rollBack(shard, lo+w.rng.IntN(len(sl.heads)-lo))
		if w.rng.IntN(2) == 0 { // another history of the same length
			d, _ := commitRandom(w.t, w.rng, w.s, w.l, shard)
			d.Release()
		}
		w.recover()
	}},
}

// TestAnyLifeRestoresToTheLedgersState is metamorphic: whatever happens to process, directory and ledger, the state after a restore is the one
// that the ledger's deltas give.
func TestAnyLifeRestoresToTheLedgersState(t *testing.T) {
	total := 0
	for _, h := range happenings {
		total += h.weight
	}
	seen := map[string]int{}
	lives := 40
	if testing.Short() {
		lives = 8
	}
	for seed := range lives {
		w := &world{t: t, rng: rand.New(rand.NewPCG(uint64(seed), 7)), fs: vfs.NewCrashableMem(), l: newLedger(testShards)}
		w.doing = fmt.Sprintf("seed %d, start", seed)
		w.open()
		w.recover()
		for step := range 150 {
			pick := w.rng.IntN(total)
			for _, h := range happenings {
				if pick -= h.weight; pick < 0 {
					w.doing = fmt.Sprintf("seed %d, step %d: %s", seed, step, h.name)
					h.do(w)
					seen[h.name]++
					break
				}
			}
		}
		w.recover()
		require.NoError(t, w.s.Close())
	}
	for _, h := range happenings {
		require.NotZero(t, seen[h.name], h.name)
	}
}
