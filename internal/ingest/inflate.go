package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// codec is how a batch's records are packed.
type codec uint8

const (
	noCodec codec = iota
	gzipped
	snappied
	lz4ed
	zstded
)

var errTooLarge = errors.New("the batch unpacks to more than the limit")

// inflater unpacks batches. It belongs to one goroutine.
type inflater struct {
	most int // bytes that a batch may unpack to
	grew int // percent that the last lz4 batch was larger unpacked; 0: none yet
	gz   gzip.Reader
	lz   *lz4.Reader
	zs   *zstd.Decoder
}

// unpack returns a batch's records. The bytes are the frame's own or in the slab.
func (u *inflater) unpack(f frame, s *slab) ([]byte, error) {
	var out []byte
	var err error
	switch c := f.codec(); c {
	case noCodec:
		return f.body(), nil
	case lz4ed:
		out, err = u.lz4(f.body(), s)
	case snappied:
		out, err = u.snappy(f.body(), s)
	case zstded:
		out, err = u.zstd(f.body(), s)
	case gzipped:
		if err = u.gz.Reset(bytes.NewReader(f.body())); err == nil {
			out, err = u.stream(&u.gz, len(f.body()), s)
		}
	default:
		return nil, fmt.Errorf("%w: compression %d is unknown", errBroken, c)
	}
	if err != nil && !errors.Is(err, errTooLarge) {
		err = fmt.Errorf("%w: unpack: %w", errBroken, err)
	}
	return out, err
}

// lz4 unpacks the usual frame block by block, and leaves what is unusual to the library's reader.
func (u *inflater) lz4(src []byte, s *slab) ([]byte, error) {
	fr, ok := lz4Frame(src)
	if !ok {
		if u.lz == nil {
			u.lz = lz4.NewReader(nil)
		}
		u.lz.Reset(bytes.NewReader(src))
		return u.stream(u.lz, len(src), s)
	}
	// The bound can be ten times what comes out, so the first attempt is at what the last batch would make likely.
	if guess := min(fr.bound, len(src)/100*(orDefault(u.grew, 400)+50)+64<<10, u.most); guess < fr.bound {
		if n, err := fr.into(s.room(guess)[:guess]); err == nil {
			u.grew = n * 100 / len(src)
			return s.keep(n), nil
		}
	}
	most := min(fr.bound, u.most)
	n, err := fr.into(s.room(most)[:most])
	if err != nil && fr.bound > u.most {
		return nil, fmt.Errorf("%w: %w", errTooLarge, err)
	}
	if err != nil {
		return nil, err
	}
	u.grew = n * 100 / len(src)
	return s.keep(n), nil
}

// stream reads r to its end into the slab.
func (u *inflater) stream(r io.Reader, packed int, s *slab) ([]byte, error) {
	room := s.room(min(8*packed+1024, u.most+1))
	n := 0
	for {
		k, err := r.Read(room[n:])
		n += k
		switch {
		case err == io.EOF:
			return s.keep(n), nil
		case err != nil:
			return nil, err
		case n > u.most:
			return nil, errTooLarge
		case n == len(room):
			old := room
			room = s.room(2 * len(room))
			copy(room, old)
		}
	}
}

func (u *inflater) snappy(src []byte, s *slab) ([]byte, error) {
	if bytes.HasPrefix(src, xerialMagic) && len(src) >= xerialHeader {
		return u.xerial(src[xerialHeader:], s)
	}
	n, err := s2.DecodedLen(src)
	if err != nil {
		return nil, err
	}
	if n > u.most {
		return nil, errTooLarge
	}
	if _, err := s2.Decode(s.room(n)[:n], src); err != nil {
		return nil, err
	}
	return s.keep(n), nil
}

// Java's snappy-java wraps blocks: | magic <8b> | version <4b> | compatible <4b> | then (size <4b> | block)*.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeader = 16

func (u *inflater) xerial(src []byte, s *slab) ([]byte, error) {
	total := 0
	blocks := [][]byte{}
	for len(src) > 0 {
		n := be32(src)
		if len(src) < 4 || n > uint32(len(src)-4) {
			return nil, io.ErrUnexpectedEOF
		}
		block := src[4 : 4+n]
		size, err := s2.DecodedLen(block)
		if err != nil {
			return nil, err
		}
		if total += size; total > u.most {
			return nil, errTooLarge
		}
		blocks, src = append(blocks, block), src[4+n:]
	}
	room := s.room(total)
	at := 0
	for _, b := range blocks {
		size, _ := s2.DecodedLen(b) // was checked above
		if _, err := s2.Decode(room[at:at+size], b); err != nil {
			return nil, err
		}
		at += size
	}
	return s.keep(total), nil
}

func be32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func (u *inflater) zstd(src []byte, s *slab) ([]byte, error) {
	if u.zs == nil {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(uint64(u.most)))
		if err != nil {
			return nil, err
		}
		u.zs = d
	}
	room := s.room(min(6*len(src)+1024, u.most))
	out, err := u.zs.DecodeAll(src, room[:0])
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || errors.Is(err, zstd.ErrWindowSizeExceeded) {
		return nil, fmt.Errorf("%w: %w", errTooLarge, err)
	}
	if err != nil {
		return nil, err
	}
	if len(out) <= len(room) && len(out) > 0 && &out[0] == &room[0] {
		return s.keep(len(out)), nil
	}
	return out, nil // it has outgrown the room and has memory of its own
}

func (u *inflater) close() {
	if u.zs != nil {
		u.zs.Close()
	}
}
