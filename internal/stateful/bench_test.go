package stateful

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// benchStore is on disk, configured as in production, restored and empty.
func benchStore(b *testing.B, shards int) *Store {
	s, err := Open(Options{Dir: b.TempDir(), Pipeline: "bench", Shards: shards})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, s.Close()) })
	_, err = s.Restore(context.Background(), newLedger(shards), newLedger(shards).claim())
	require.NoError(b, err)
	return s
}

// benchKey and benchValue are what an aggregate over words or users keeps: a key of 12 bytes, a value of 10.
func benchKey(dst []byte, n int) []byte { return fmt.Appendf(dst, "user-%07d", n) }

func benchValue(dst []byte, n int) []byte {
	mixed := (uint64(n) + 1) * 0x9E3779B97F4A7C15
	mixed ^= mixed >> 29
	dst = binary.BigEndian.AppendUint16(dst, uint16(mixed%50))
	return binary.BigEndian.AppendUint64(dst, mixed%1_000_003)
}

func fillDelta(d *Delta, from, to, step int) {
	var k, v []byte
	for i := from; i < to; i += step {
		k, v = benchKey(k[:0], i), benchValue(v[:0], i)
		d.Put(1, k, v)
	}
}

// fillStore puts keys 0, 2, 4, … below 2n into shard 0, as several flushed batches do.
func fillStore(b *testing.B, s *Store, n int) Head {
	h := Head{}
	d := s.NewDelta(0)
	defer d.Release()
	for from := 0; from < 2*n; from += 100_000 {
		d.Reset()
		fillDelta(d, from, min(from+100_000, 2*n), 2)
		h = Head{Seq: h.Seq + 1, ID: id(byte(h.Seq))}
		require.NoError(b, s.Apply(d, h))
	}
	require.NoError(b, s.Flush())
	return h
}

func BenchmarkGet(b *testing.B) {
	const keys = 1_000_000
	s := benchStore(b, 1)
	fillStore(b, s, keys)
	run := func(name string, odd int) {
		b.Run(name+"/one", func(b *testing.B) {
			b.ReportAllocs()
			rng := rand.New(rand.NewPCG(1, 1))
			var k, v []byte
			for b.Loop() {
				k = benchKey(k[:0], 2*rng.IntN(keys)+odd)
				out, ok, err := s.Get(0, 1, k, v[:0])
				if err != nil || ok != (odd == 0) {
					b.Fatal(ok, err)
				}
				v = out
			}
		})
		for _, many := range []int{100, 3000, 50_000} {
			batch := make([][]byte, many)
			for i := range batch {
				batch[i] = benchKey(nil, 2*(i*(keys/many))+odd)
			}
			b.Run(fmt.Sprintf("%s/many=%d", name, many), func(b *testing.B) {
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					err := s.GetMany(0, 1, batch, func(_ int, v []byte) error {
						if (v != nil) != (odd == 0) {
							b.Fatal("wrong answer")
						}
						n++
						return nil
					})
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/key")
			})
			b.Run(fmt.Sprintf("%s/one by one=%d", name, many), func(b *testing.B) {
				n := 0
				var v []byte
				for b.Loop() {
					for _, k := range batch {
						out, ok, err := s.Get(0, 1, k, v[:0])
						if err != nil || ok != (odd == 0) {
							b.Fatal(ok, err)
						}
						v = out
						n++
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/key")
			})
		}
	}
	run("present", 0)
	run("absent", 1)
}

func BenchmarkApply(b *testing.B) {
	for _, keys := range []int{10, 3000, 50_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			s := benchStore(b, 1)
			d := s.NewDelta(0)
			defer d.Release()
			rng := rand.New(rand.NewPCG(1, 1))
			b.ReportAllocs()
			var h Head
			var spent time.Duration
			for b.Loop() {
				b.StopTimer()
				d.Reset()
				from := rng.IntN(1_000_000)
				fillDelta(d, from, from+keys*20, 20)
				h = Head{Seq: h.Seq + 1}
				b.StartTimer()
				start := time.Now()
				if err := s.Apply(d, h); err != nil {
					b.Fatal(err)
				}
				spent += time.Since(start)
			}
			b.ReportMetric(float64(h.Seq)*float64(keys)/spent.Seconds()/1e6, "Mkeys/s")
		})
	}
}

func BenchmarkPut(b *testing.B) {
	s := benchStore(b, 1)
	d := s.NewDelta(0)
	defer d.Release()
	k, v := benchKey(nil, 1), benchValue(nil, 1)
	b.ReportAllocs()
	for b.Loop() {
		if d.Len() >= 3000 {
			d.Reset()
		}
		d.Put(1, k, v)
	}
}

func BenchmarkEncode(b *testing.B) {
	s := benchStore(b, 1)
	for _, keys := range []int{10, 3000, 50_000} {
		d := s.NewDelta(0)
		fillDelta(d, 0, keys*20, 20)
		b.Run(fmt.Sprintf("encode/keys=%d", keys), func(b *testing.B) {
			b.SetBytes(int64(d.Size()))
			b.ReportAllocs()
			var out []byte
			for b.Loop() {
				var err error
				if out, err = d.Encode(out[:0]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(d.Size())/float64(len(out)), "ratio")
		})
		encoded, err := d.Encode(nil)
		require.NoError(b, err)
		size := d.Size()
		b.Run(fmt.Sprintf("decode/keys=%d", keys), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Decode(encoded); err != nil {
					b.Fatal(err)
				}
			}
		})
		d.Release()
	}
}

func BenchmarkSnapshot(b *testing.B) {
	const keys = 1_000_000
	s := benchStore(b, 1)
	h := fillStore(b, s, keys)
	l := newLedger(1)
	l.shards[0].heads = append(l.shards[0].heads, h)
	l.shards[0].snapshot = h
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			p, err := s.Snapshot(0)
			require.NoError(b, err)
			l.shards[0].parts = nil
			size := 0
			for part, err := range p.Parts(4 << 20) {
				require.NoError(b, err)
				l.shards[0].parts = append(l.shards[0].parts, bytes.Clone(part))
				size += len(part)
			}
			require.NoError(b, p.Close())
			b.ReportMetric(float64(size)/keys, "B/key")
		}
		b.ReportMetric(keys*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mkeys/s")
	})
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			s := benchStore(b, 1)
			require.NoError(b, s.drop(0))
			b.StartTimer()
			r, err := s.Restore(context.Background(), l, []Claimed{{Head: h}})
			require.NoError(b, err)
			require.EqualValues(b, keys, r.Total().Keys)
		}
		b.ReportMetric(keys*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mkeys/s")
	})
}

// BenchmarkRestoreAtTheHead is what a restore costs after a failed commit: local state is where the ledger is.
func BenchmarkRestoreAtTheHead(b *testing.B) {
	s, l := benchStore(b, 64), newLedger(64)
	claimed := l.claim()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Restore(context.Background(), l, claimed); err != nil {
			b.Fatal(err)
		}
	}
}
