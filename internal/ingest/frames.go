package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A record batch, format v2 (KIP-98), big endian:
//
//	0 base offset <8b> | 8 length of what follows <4b> | 12 leader epoch <4b> | 16 magic <1b> | 17 crc32c of what follows <4b> |
//	21 attributes <2b> | 23 last offset delta <4b> | 27 first timestamp <8b> | 35 max timestamp <8b> | 43 producer id <8b> |
//	51 producer epoch <2b> | 53 base sequence <4b> | 57 record count <4b> | 61 records, compressed as the attributes say
const (
	lengthEnd  = 12
	magicAt    = 16
	crcAt      = 17
	crcFrom    = 21
	headerSize = 61
)

// frame is one complete record batch as it came.
type frame []byte

func (f frame) base() int64         { return int64(binary.BigEndian.Uint64(f)) }
func (f frame) epoch() int32        { return int32(binary.BigEndian.Uint32(f[12:])) }
func (f frame) attributes() uint16  { return binary.BigEndian.Uint16(f[21:]) }
func (f frame) last() int64         { return f.base() + int64(int32(binary.BigEndian.Uint32(f[23:]))) }
func (f frame) firstTime() int64    { return int64(binary.BigEndian.Uint64(f[27:])) }
func (f frame) maxTime() int64      { return int64(binary.BigEndian.Uint64(f[35:])) }
func (f frame) producer() int64     { return int64(binary.BigEndian.Uint64(f[43:])) }
func (f frame) count() int          { return int(int32(binary.BigEndian.Uint32(f[57:]))) }
func (f frame) body() []byte        { return f[headerSize:] }
func (f frame) codec() codec        { return codec(f.attributes() & 7) }
func (f frame) appendTime() bool    { return f.attributes()&(1<<3) != 0 }
func (f frame) transactional() bool { return f.attributes()&(1<<4) != 0 }
func (f frame) control() bool       { return f.attributes()&(1<<5) != 0 }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// intact compares the checksum: it covers all but base offset, length and leader epoch, which brokers rewrite.
func (f frame) intact() bool {
	return crc32.Checksum(f[crcFrom:], castagnoli) == binary.BigEndian.Uint32(f[crcAt:])
}

// Errors of bytes that are no batch.
var errBroken = errors.New("the batch's structure is broken")

// oldFormat is a batch from before Kafka 0.11.
type oldFormat byte

func (m oldFormat) Error() string { return fmt.Sprintf("message format v%d", byte(m)) }

// cutFrame takes the first complete batch off b. A broker cuts its answer at a byte count, so the last batch may be incomplete: that is
// not an error, ok is false then.
func cutFrame(b []byte) (f frame, rest []byte, ok bool, err error) {
	if len(b) <= magicAt {
		return nil, b, false, nil
	}
	if m := b[magicAt]; m < 2 {
		return nil, b, false, oldFormat(m)
	} else if m > 2 {
		return nil, b, false, fmt.Errorf("%w: message format v%d is unknown", errBroken, m)
	}
	size := int64(int32(binary.BigEndian.Uint32(b[8:]))) + lengthEnd
	if size < headerSize {
		return nil, b, false, fmt.Errorf("%w: its length is %d", errBroken, size)
	}
	if int64(len(b)) < size {
		return nil, b, false, nil
	}
	f = frame(b[:size:size])
	if f.last() < f.base() || f.base() < 0 || f.count() < 0 {
		return nil, b, false, fmt.Errorf("%w: offsets %d to %d, %d records", errBroken, f.base(), f.last(), f.count())
	}
	return f, b[size:], true, nil
}

// walk steps over the complete batches of an answer by their headers alone. It gives the position after them, the leader epoch of the
// last one, and the bytes that belong to them. Batches that end before the position are left out of the count but not refused: a broker
// may send them. On an error, what comes before the bad batch still counts.
func walk(b []byte, at int64) (next int64, epoch int32, used int, err error) {
	next, epoch = at, -1
	for rest := b; ; {
		f, after, ok, err := cutFrame(rest)
		if err != nil || !ok {
			return next, epoch, used, err
		}
		if f.last() >= next {
			next, epoch = f.last()+1, f.epoch()
		}
		used += len(f)
		rest = after
	}
}
