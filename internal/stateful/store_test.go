package stateful

import (
	"math"
	"strconv"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
)

func TestWhatIsAppliedIsRead(t *testing.T) {
	s, l := openAt(t, vfs.NewMem()), newLedger(testShards)
	restore(t, s, l)
	put(t, s, l, 1, "a", "1", "b", "2")
	put(t, s, l, 1, "b", "", "c", "3")
	requireAt(t, s, l, 1)

	got, ok, err := s.Get(1, 7, []byte("a"), []byte("kept "))
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "kept 1", string(got))
	got, ok, err = s.Get(1, 7, []byte("b"), []byte("kept "))
	require.NoError(t, err)
	require.False(t, ok)
	require.Equal(t, "kept ", string(got))
	_, ok, err = s.Get(0, 7, []byte("a"), nil)
	require.NoError(t, err)
	require.False(t, ok, "shards do not see each other")
	_, ok, err = s.Get(1, 8, []byte("a"), nil)
	require.NoError(t, err)
	require.False(t, ok, "operators do not see each other")
}

func TestGetManyAnswersEveryKeyInOrder(t *testing.T) {
	s, l := openAt(t, vfs.NewMem()), newLedger(testShards)
	restore(t, s, l)
	put(t, s, l, 2, "a", "1", "c", "3", "d", "4")
	var got []string
	keys := [][]byte{[]byte("a"), []byte("b"), []byte("c"), []byte("c"), []byte("e")}
	for range 2 { // once from memory, once from disk with its filters
		got = got[:0]
		require.NoError(t, s.GetMany(2, 7, keys, func(i int, v []byte) error {
			if v == nil {
				v = []byte("none")
			}
			got = append(got, strconv.Itoa(i)+"="+string(v))
			return nil
		}))
		require.Equal(t, []string{"0=1", "1=none", "2=3", "3=3", "4=none"}, got)
		require.NoError(t, s.Flush())
	}
}

func TestAnEmptyValueIsAValue(t *testing.T) {
	s, l := openAt(t, vfs.NewMem()), newLedger(testShards)
	restore(t, s, l)
	d := s.NewDelta(0)
	d.Put(7, nil, nil)
	require.NoError(t, s.Apply(d, l.commit(t, d, map[string]string{"7/": ""})))
	d.Release()
	requireAt(t, s, l, 0)
	require.NoError(t, s.GetMany(0, 7, [][]byte{nil}, func(_ int, v []byte) error {
		require.NotNil(t, v)
		return nil
	}))
}

func TestRangesStopAtTheirOperator(t *testing.T) {
	s, l := openAt(t, vfs.NewMem()), newLedger(testShards)
	restore(t, s, l)
	const last = math.MaxUint32
	d := s.NewDelta(1)
	for _, op := range []uint32{6, 7, 8, last} {
		for _, k := range []string{"", "a", "b", "c", "\xff\xff"} {
			d.Put(op, []byte(k), []byte("v"))
		}
	}
	require.NoError(t, s.Apply(d, l.commit(t, d, nil)))
	d.Release()

	count := func(op uint32, lo, hi []byte) (n int) {
		require.NoError(t, s.Scan(1, op, lo, hi, func(_, _ []byte) error { n++; return nil }))
		return n
	}
	require.Equal(t, 5, count(7, nil, nil))
	require.Equal(t, 2, count(7, []byte("a"), []byte("c")))
	require.Equal(t, 2, count(7, nil, []byte("b")))
	require.Equal(t, 3, count(last, []byte("b"), nil))
	require.Zero(t, count(7, []byte("c"), []byte("a")))

	d = s.NewDelta(1)
	d.DeleteRange(7, []byte("b"), nil)
	d.DeleteRange(last, nil, nil)
	d.DeleteRange(8, []byte("c"), []byte("a")) // nothing
	require.NoError(t, s.Apply(d, l.commit(t, d, nil)))
	d.Release()
	require.Equal(t, []int{5, 2, 5, 0}, []int{count(6, nil, nil), count(7, nil, nil), count(8, nil, nil), count(last, nil, nil)})
}

func TestADeltaOutOfOrderChangesNothing(t *testing.T) {
	s, l := openAt(t, vfs.NewMem()), newLedger(testShards)
	d := s.NewDelta(0)
	d.Put(7, []byte("a"), []byte("1"))
	require.ErrorIs(t, s.Apply(d, Head{Seq: 1, ID: l.id()}), ErrNotRestored)
	_, _, err := s.Get(0, 7, []byte("a"), nil)
	require.ErrorIs(t, err, ErrNotRestored)
	require.ErrorIs(t, s.Scan(0, 7, nil, nil, nil), ErrNotRestored)
	_, err = s.Snapshot(0)
	require.ErrorIs(t, err, ErrNotRestored)

	restore(t, s, l)
	for _, seq := range []int64{0, 2, -1} {
		require.ErrorIs(t, s.Apply(d, Head{Seq: seq, ID: l.id()}), ErrOutOfOrder)
	}
	d.Release()
	requireAt(t, s, l, 0)
}

func TestAValueBeyondTheLimitIsRefusedBeforeItIsDurable(t *testing.T) {
	s, l := openAt(t, vfs.NewMem()), newLedger(testShards)
	restore(t, s, l)
	d := s.NewDelta(0)
	d.Put(7, []byte("a"), make([]byte, MaxValue+1))
	_, err := d.Encode(nil)
	require.ErrorIs(t, err, ErrTooLarge)
	require.ErrorIs(t, s.Apply(d, Head{Seq: 1, ID: l.id()}), ErrTooLarge)
	d.Release()
	requireAt(t, s, l, 0)
	put(t, s, l, 0, "a", "1") // the buffers are clean
	requireAt(t, s, l, 0)
}

func TestReadsAllocateNothingOfTheirOwn(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector's pools forget")
	}
	s, l := openAt(t, vfs.NewMem()), newLedger(testShards)
	restore(t, s, l)
	put(t, s, l, 1, "a", "1", "c", "3") // in memory: of a table on disk Pebble allocates 24 bytes for each that it looks into
	present, absent, dst := []byte("a"), []byte("b"), make([]byte, 0, 16)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		_, _, _ = s.Get(1, 7, present, dst[:0])
		_, _, _ = s.Get(1, 7, absent, dst[:0])
	}))
	keys := [][]byte{present, absent, present, absent}
	none := func(int, []byte) error { return nil }
	require.LessOrEqual(t, testing.AllocsPerRun(1000, func() { _ = s.GetMany(1, 7, keys, none) }), 3.0, "for the iterator, not for a key")
}
