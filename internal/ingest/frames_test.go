package ingest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/internal/batch"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"
)

func TestWalkStopsWhereTheBrokerCutTheAnswer(t *testing.T) {
	b := append(batchOf(5, []byte("a")), batchOf(6, []byte("b"))...)
	whole := len(b)
	first := len(batchOf(5, []byte("a")))
	b = append(b, batchOf(7, []byte("c"))...)
	for cut := whole; cut < len(b); cut++ {
		next, _, used, err := walk(b[:cut], 5)
		require.NoError(t, err)
		require.Equal(t, int64(7), next)
		require.Equal(t, whole, used)
	}
	next, _, used, err := walk(b[:first-1], 5)
	require.NoError(t, err)
	require.Equal(t, int64(5), next)
	require.Zero(t, used)
	next, _, _, err = walk(b, 7) // batches before the position do not move it
	require.NoError(t, err)
	require.Equal(t, int64(8), next)
}

func TestWalkRefusesWhatIsNoBatch(t *testing.T) {
	good := batchOf(5, []byte("a"))
	for name, spoil := range map[string]func([]byte){
		"old format":      func(b []byte) { b[magicAt] = 1 },
		"future format":   func(b []byte) { b[magicAt] = 3 },
		"negative length": func(b []byte) { binary.BigEndian.PutUint32(b[8:], 1<<31) },
		"short length":    func(b []byte) { binary.BigEndian.PutUint32(b[8:], 10) },
		"negative offset": func(b []byte) { b[0] = 0x80 },
		"backwards":       func(b []byte) { binary.BigEndian.PutUint32(b[23:], 1<<31) },
		"negative count":  func(b []byte) { binary.BigEndian.PutUint32(b[57:], 1<<31) },
	} {
		bad := bytes.Clone(good)
		bad[7] = 6
		spoil(bad)
		next, _, used, err := walk(append(bytes.Clone(good), bad...), 5)
		require.Error(t, err, name)
		require.Equal(t, int64(6), next, name)
		require.Equal(t, len(good), used, name)
	}
}

// FuzzUnpack gives the unpacker what a broker could send at worst, under a right checksum: it must not panic, and never deliver below the
// position or out of the chunk's range.
func FuzzUnpack(f *testing.F) {
	f.Add(batchOf(5, []byte("a")), uint16(0))
	f.Add(packed(f, 4, bytes.Repeat([]byte("ab"), 500)), uint16(3))
	f.Add(batchOf(0, nil), uint16(0x30))
	f.Fuzz(func(t *testing.T, b []byte, attributes uint16) {
		if len(b) < headerSize {
			return
		}
		b = bytes.Clone(b)
		b[magicAt] = 2
		binary.BigEndian.PutUint16(b[21:], attributes)
		b = sealed(b)
		next, _, used, err := walk(b, 3)
		if err != nil || used == 0 {
			return
		}
		u := &unpacker{inflater: inflater{most: 1 << 16}, pool: &slabs{}, chunk: 1 << 20}
		defer u.close()
		g := segment{raw: b[:used], from: 3, next: next}
		c, err := u.next(&g, batch.Partition{Topic: "t"})
		if err == nil && c.Next != next {
			t.Fatalf("headers say %d, the chunk ends at %d", next, c.Next)
		}
		for _, r := range c.Records {
			if r.Offset < c.From {
				t.Fatalf("offset %d in [%d, %d)", r.Offset, c.From, c.Next)
			}
		}
	})
}

// packed makes a batch of count records with the value, lz4.
func packed(t testing.TB, count int, value []byte) []byte {
	var body []byte
	for i := range count {
		r := binary.AppendVarint([]byte{0, 0}, int64(i))
		r = append(binary.AppendVarint(append(r, 1), int64(len(value))), append(value, 0)...)
		body = append(binary.AppendVarint(body, int64(len(r))), r...)
	}
	var z bytes.Buffer
	w := lz4.NewWriter(&z)
	_, err := w.Write(body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	b := batchOf(0, nil)[:headerSize]
	binary.BigEndian.PutUint32(b[23:], uint32(count-1))
	binary.BigEndian.PutUint16(b[21:], uint16(lz4ed))
	binary.BigEndian.PutUint32(b[57:], uint32(count))
	return sealed(append(b, z.Bytes()...))
}

func TestLz4FramesOfAllKindsUnpack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	texts := map[string][]byte{"empty": {}, "short": []byte("hello"), "repeated": bytes.Repeat([]byte("0123456789"), 100_000), "noise": noise, "zeros": make([]byte, 9<<20)}
	for name, text := range texts {
		for _, opts := range [][]lz4.Option{
			{}, {lz4.BlockSizeOption(lz4.Block64Kb)}, {lz4.BlockChecksumOption(true), lz4.ChecksumOption(false)}, {lz4.SizeOption(uint64(len(text)))},
		} {
			var z bytes.Buffer
			w := lz4.NewWriter(&z)
			require.NoError(t, w.Apply(opts...))
			_, err := w.Write(text)
			require.NoError(t, err)
			require.NoError(t, w.Close())
			_, ordinary := lz4Frame(z.Bytes())
			require.True(t, ordinary || name == "empty", "%s %v", name, opts)
			u, s := inflater{most: 64 << 20}, &slab{}
			s.keep(copy(s.room(3), "pre")) // what is in the slab already stays
			out, err := u.lz4(z.Bytes(), s)
			require.NoError(t, err, name)
			require.True(t, bytes.Equal(text, out), name)
			require.Equal(t, "pre", string(s.bufs[0][:3]))
			two, err := u.lz4(append(bytes.Clone(z.Bytes()), z.Bytes()...), &slab{}) // frames one after the other: the library's reader
			require.NoError(t, err)
			require.Len(t, two, 2*len(text))
			for _, cut := range []int{1, 5, len(z.Bytes()) / 2} {
				_, err = u.lz4(z.Bytes()[:len(z.Bytes())-cut], &slab{})
				require.Error(t, err, "%s cut by %d", name, cut)
			}
		}
	}
}

// Blocks that are packed against those before them: other producers make them, this library's writer does not.
func TestLz4BlocksThatLeanOnEarlierOnesUnpack(t *testing.T) {
	first, second := bytes.Repeat([]byte("abcdefgh"), 1000), append(bytes.Repeat([]byte("abcdefgh"), 100), "the end, which is new"...)
	frame := binary.LittleEndian.AppendUint32(nil, lz4Magic)
	frame = append(frame, 1<<6, 4<<4, 0) // no independence; the header's checksum is not looked at
	one := make([]byte, lz4.CompressBlockBound(len(first)))
	n, err := lz4.CompressBlock(first, one, nil)
	require.NoError(t, err)
	frame = append(binary.LittleEndian.AppendUint32(frame, uint32(n)), one[:n]...)
	// by hand: no literals, a match of 800 bytes at distance 8 (it reaches into the first block), then 21 literals
	block := []byte{0x0f, 8, 0, 255, 255, 255, 16, 0xf0, 6}
	block = append(block, second[800:]...)
	frame = append(binary.LittleEndian.AppendUint32(frame, uint32(len(block))), block...)
	frame = binary.LittleEndian.AppendUint32(frame, 0)
	u := inflater{most: 1 << 20}
	out, err := u.lz4(frame, &slab{})
	require.NoError(t, err)
	require.Equal(t, string(first)+string(second), string(out))
}

func TestAbortedTransactionsAreToldApartByProducerAndOffset(t *testing.T) {
	tx := func(offset, producer int64) frame {
		b := batchOf(offset, []byte("x"))
		binary.BigEndian.PutUint64(b[43:], uint64(producer))
		binary.BigEndian.PutUint16(b[21:], 1<<4)
		return sealed(b)
	}
	marker := func(offset, producer int64, kind byte) frame {
		b := tx(offset, producer)
		binary.BigEndian.PutUint16(b[21:], 1<<4|1<<5)
		key := []byte{0, 0, 0, kind}
		record := append(append([]byte{0, 0, 0, 8}, key...), 1, 0)
		return sealed(append(binary.AppendVarint(b[:headerSize], int64(len(record))), record...))
	}
	a := abortedOf(abortedList([2]int64{7, 10}, [2]int64{7, 2}, [2]int64{8, 4})) // not in order, as Redpanda sends it
	for i, step := range []struct {
		f    frame
		drop bool
	}{
		{tx(1, 7), false}, {tx(2, 7), true}, {tx(3, 9), false}, {tx(4, 8), true}, {marker(5, 7, 0), false}, {tx(6, 7), false}, {tx(7, 8), true},
		{marker(8, 8, 0), false}, {marker(9, 7, 1), false}, {tx(10, 7), true}, {batchOf(11, []byte("x")), false}, {marker(12, 7, 0), false}, {tx(13, 7), false},
	} {
		if step.f.control() {
			require.NoError(t, a.marker(step.f), fmt.Sprint(i))
			continue
		}
		require.Equal(t, step.drop, a.drops(step.f), fmt.Sprint(i))
	}
}
