package stateful

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/batch"
)

// The files of testdata/format are what version 1 wrote. They are made again only for a new version, under new names.
var writeFormat = flag.Bool("write-format", false, "write testdata/format anew")

func formatFile(t *testing.T, name string, now []byte) []byte {
	t.Helper()
	name = filepath.Join("testdata", "format", name)
	if *writeFormat {
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, now, 0o644))
	}
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return b
}

var formatHead = Head{Seq: 258, ID: batch.Token{0xc0, 0xff, 0xee, 15: 0x01}}

func TestYesterdaysDeltaIsRead(t *testing.T) {
	s, l := openAt(t, vfs.NewMem()), newLedger(testShards)
	restore(t, s, l)
	put(t, s, l, 2, "gone", "x", "range 1", "x", "range 2", "x", "stays", "x")
	d := s.NewDelta(2)
	defer d.Release()
	d.Put(7, []byte("origin"), []byte("HNL"))
	d.Put(1<<32-1, nil, bytes.Repeat([]byte{0, 1, 2, 3}, 100))
	d.Delete(7, []byte("gone"))
	d.DeleteRange(7, []byte("range"), []byte("rangf"))
	now, err := d.Encode(nil)
	require.NoError(t, err)

	require.NoError(t, d.Decode(formatFile(t, "delta_v1.bin", now)))
	require.Equal(t, 4, d.Len())
	require.NoError(t, s.Apply(d, Head{Seq: 2, ID: id(2)}))
	require.Equal(t, map[string]string{
		"7/origin": "HNL", "7/stays": "x", "4294967295/": string(bytes.Repeat([]byte{0, 1, 2, 3}, 100)),
	}, contents(t, s, 2, testOps...))
}

func TestYesterdaysSnapshotIsRead(t *testing.T) {
	s := openAt(t, vfs.NewMem())
	require.NoError(t, s.mark(2, Head{Seq: 257, ID: id(1)}))
	d := s.NewDelta(2)
	want := map[string]string{"0/": ""}
	d.Put(0, nil, nil)
	for i := range 20 {
		k, v := fmt.Sprintf("user %03d", i), fmt.Sprint(i*i)
		d.Put(7, []byte(k), []byte(v))
		want["7/"+k] = v
	}
	require.NoError(t, s.Apply(d, formatHead))
	d.Release()
	p, err := s.Snapshot(2)
	require.NoError(t, err)
	var parts [][]byte
	for part, err := range p.Parts(130) {
		require.NoError(t, err)
		parts = append(parts, bytes.Clone(part))
	}
	require.NoError(t, p.Close())
	require.Len(t, parts, 2)
	for i := range parts {
		parts[i] = formatFile(t, fmt.Sprintf("snapshot_v1_%d.bin", i), parts[i])
	}

	s, l := openAt(t, vfs.NewMem()), newLedger(testShards)
	l.shards[2] = shardLedger{heads: []Head{formatHead}, want: []map[string]string{want}, snapshot: formatHead, parts: parts}
	restore(t, s, l)
	requireAt(t, s, l, 2)
}

func TestYesterdaysMarkerIsRead(t *testing.T) {
	const v1 = "01" + "0000000000000102" + "c0ffee00000000000000000000000001" + "05" + "0003" + "6f7264657273"
	b, err := hex.DecodeString(v1)
	require.NoError(t, err)
	h, owner, err := parseMarker(b)
	require.NoError(t, err)
	require.Equal(t, formatHead, h)
	require.Equal(t, identity{hashVersion: 5, shards: 3, pipeline: "orders"}, owner)
	require.Equal(t, v1, hex.EncodeToString(appendMarker(nil, h, owner)))
	for cut := range markerFixed {
		_, _, err := parseMarker(b[:cut])
		require.ErrorIs(t, err, ErrDamaged)
	}
	b[0] = 2
	_, _, err = parseMarker(b)
	require.ErrorIs(t, err, ErrDamaged)
}

func TestKeysAreLaidOutAsWritten(t *testing.T) {
	require.Equal(t, "0102"+"deadbeef"+"6b", hex.EncodeToString(appendKey(nil, 0x102, 0xdeadbeef, []byte("k"))))
	require.Equal(t, "ffff"+"0102", hex.EncodeToString(markerKey(0x102)))
	require.Equal(t, "0102"+"deadbef0", hex.EncodeToString(appendEnd(nil, 0x102, 0xdeadbeef, nil)))
	require.Equal(t, "0103", hex.EncodeToString(appendEnd(nil, 0x102, 0xffffffff, nil)))
}

func TestALaterVersionIsRefusedByName(t *testing.T) {
	s := openAt(t, vfs.NewMem())
	d := s.NewDelta(0)
	d.Put(7, []byte("a"), []byte("1"))
	b, err := d.Encode(nil)
	require.NoError(t, err)
	b[1] = 2
	require.ErrorContains(t, d.Decode(b), "decode delta of shard 0: stateful: damaged bytes: version 2, this binary reads 1")
	require.ErrorIs(t, d.Decode(append([]byte{kindPart}, b[1:]...)), ErrDamaged)
	require.True(t, d.Empty())
	d.Release()
}

func TestALieAboutTheLengthAllocatesNothing(t *testing.T) {
	for _, b := range [][]byte{
		{kindDelta, 1, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3},                   // 256 MiB in 3 bytes
		{kindDelta, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, // more than any limit
		{kindDelta, 1, 0x80},
	} {
		allocated := testing.AllocsPerRun(10, func() {
			_, err := open(nil, kindDelta, b)
			require.ErrorIs(t, err, ErrDamaged)
		})
		require.Less(t, allocated, 50.0)
	}
}

func fuzzStore(f *testing.F) *Store {
	s := openAt(f, vfs.NewMem())
	if err := s.mark(1, Head{}); err != nil {
		f.Fatal(err)
	}
	return s
}

// FuzzDecodeDelta feeds any bytes, and any content in a proper envelope: nothing but changes of the shard's own keys gets through.
func FuzzDecodeDelta(f *testing.F) {
	s := fuzzStore(f)
	for _, name := range []string{"delta_v1.bin", "snapshot_v1_0.bin"} {
		b, err := os.ReadFile(filepath.Join("testdata", "format", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, false)
		if content, err := open(nil, b[0], b); err == nil {
			f.Add(content, true)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, wrap bool) {
		if wrap {
			b, _ = seal(nil, kindDelta, b)
		}
		for _, shard := range []int{1, 2} {
			d := s.NewDelta(shard)
			if err := d.Decode(b); err != nil {
				require.ErrorIs(t, err, ErrDamaged)
				require.True(t, d.Empty())
			} else {
				requireOwnKeys(t, s, d)
			}
			d.Release()
		}
	})
}

// requireOwnKeys encodes what was decoded and decodes that: the same changes, and none for another shard.
func requireOwnKeys(t *testing.T, s *Store, d *Delta) {
	b, err := d.Encode(nil)
	require.NoError(t, err)
	again, other := s.NewDelta(d.shard), s.NewDelta(d.shard^3)
	defer again.Release()
	defer other.Release()
	require.NoError(t, again.Decode(b))
	require.Equal(t, d.batch.Repr(), again.batch.Repr())
	if d.Len() > 0 {
		require.ErrorIs(t, other.Decode(b), ErrDamaged)
	}
}

// FuzzSnapshotPart feeds any bytes as the only part of a snapshot: the shard gets a marker only for a whole one.
func FuzzSnapshotPart(f *testing.F) {
	s := fuzzStore(f)
	for i := range 2 {
		b, err := os.ReadFile(filepath.Join("testdata", "format", fmt.Sprintf("snapshot_v1_%d.bin", i)))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, false)
		if content, err := open(nil, b[0], b); err == nil {
			f.Add(content, true)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, wrap bool) {
		if wrap {
			b, _ = seal(nil, kindPart, b)
		}
		l := s.newLoader(1, formatHead)
		defer l.close()
		err := l.add(b)
		if err == nil {
			err = l.finish()
		}
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		require.NoError(t, s.mark(1, formatHead))
		n := int64(0)
		start, end := shardRange(1)
		require.NoError(t, s.Scan(1, 0, nil, nil, func(_, _ []byte) error { n++; return nil }))
		require.LessOrEqual(t, n, l.keys)
		empty, err := s.emptyRange(start, end)
		require.NoError(t, err)
		require.Equal(t, l.keys == 0, empty)
		require.NoError(t, s.drop(1))
	})
}

func TestADeltaReachesNoOtherShard(t *testing.T) {
	s := openAt(t, vfs.NewMem())
	d := s.NewDelta(1)
	defer d.Release()
	str := func(b []byte) []byte { return append([]byte{byte(len(b))}, b...) }
	rangeDelete := func(start, end []byte) []byte {
		content := append([]byte{1, 0, 0, 0, 15}, str(start)...)
		sealed, err := seal(nil, kindDelta, append(content, str(end)...))
		require.NoError(t, err)
		return sealed
	}
	own, end := appendPrefix(nil, 1, 7), appendShard(nil, 2)
	require.NoError(t, d.Decode(rangeDelete(own, end)))
	require.Equal(t, 1, d.Len())
	for _, tt := range [][2][]byte{
		{own, append(end, 0)},          // past the shard
		{own, markerKey(1)},            // to the markers
		{appendPrefix(nil, 0, 7), end}, // from before it
		{own, own},                     // empty
		{own, appendPrefix(nil, 0, 7)}, // backwards
		{appendShard(nil, 1), own},     // without an operator
		{markerKey(1), markerKey(2)},   // of the markers
	} {
		require.ErrorIs(t, d.Decode(rangeDelete(tt[0], tt[1])), ErrDamaged)
	}
}
