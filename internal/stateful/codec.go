package stateful

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Deltas and parts of snapshots share one envelope: kind, version, length of the content (uvarint), one zstd frame with a checksum.
const (
	kindDelta = 'D'
	kindPart  = 'S'

	codecVersion = 1

	maxContent = 256 << 20 // of an envelope: nothing larger is written, so nothing larger need be read
	maxRatio   = 1 << 16   // zstd reaches less than 2^15: an announced length beyond it is a lie
	reprSkip   = 8         // a Pebble batch begins with its sequence number, which is local
)

var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<20))
	if err != nil {
		panic(err) //nolint:forbidigo // the options are constants, and a test makes both
	}
	return e
})

var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxContent), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err) //nolint:forbidigo // the options are constants, and a test makes both
	}
	return d
})

// seal appends content in its envelope to dst.
func seal(dst []byte, kind byte, content []byte) ([]byte, error) {
	if len(content) > maxContent {
		return dst, fmt.Errorf("%w: %d bytes (at most %d)", ErrTooLarge, len(content), maxContent)
	}
	dst = append(dst, kind, codecVersion)
	dst = binary.AppendUvarint(dst, uint64(len(content)))
	return encoder().EncodeAll(content, dst), nil
}

// open appends the content of an envelope to dst.
func open(dst []byte, kind byte, sealed []byte) ([]byte, error) {
	if len(sealed) < 3 || sealed[0] != kind {
		return nil, fmt.Errorf("%w: not of kind %q", ErrDamaged, kind)
	}
	if v := sealed[1]; v != codecVersion {
		return nil, fmt.Errorf("%w: version %d, this binary reads %d", ErrDamaged, v, codecVersion)
	}
	length, n := binary.Uvarint(sealed[2:])
	if n <= 0 {
		return nil, fmt.Errorf("%w: no length", ErrDamaged)
	}
	frame := sealed[2+n:]
	if length > maxContent || length > uint64(len(frame))*maxRatio {
		return nil, fmt.Errorf("%w: announces %d bytes in %d", ErrDamaged, length, len(frame))
	}
	start := len(dst)
	dst = slices.Grow(dst, int(length)) // the decoder stops at the capacity, whatever the frame says of itself
	out, err := decoder().DecodeAll(frame, dst)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if uint64(len(out)-start) != length {
		return nil, fmt.Errorf("%w: announces %d bytes, has %d", ErrDamaged, length, len(out)-start)
	}
	return out, nil
}
