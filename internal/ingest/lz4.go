package ingest

import (
	"encoding/binary"
	"errors"

	"github.com/pierrec/lz4/v4"
)

// lz4Blocks is an LZ4 frame without a dictionary: blocks, each packed by itself or against the 64 KiB before it.
//
//	magic <4b> | flags | block size code | content size <8b>, if flagged | header checksum |
//	( size <4b>, high bit: stored as it is | bytes | checksum <4b>, if flagged )* | 0 <4b> | content checksum <4b>, if flagged
//
// The frame's own checksums are left alone: the record batch's CRC covers every byte of it.
type lz4Blocks struct {
	src   []byte // from the first block on
	bound int    // no more than this comes out
	size  int    // most that one block unpacks to
	flags byte
}

const (
	lz4Magic           = 0x184D2204
	lz4Dictionary      = 1 << 0
	lz4ContentChecksum = 1 << 2
	lz4ContentSize     = 1 << 3
	lz4BlockChecksum   = 1 << 4
	lz4Independent     = 1 << 5
	lz4Window          = 64 << 10
	lz4Stored          = 1 << 31
	lz4Ratio           = 255 // no block unpacks to more than so many times its size
)

var errLz4 = errors.New("lz4: the frame is broken")

// lz4Frame looks at the header and the blocks' sizes. ok is false for anything but one complete ordinary frame.
func lz4Frame(src []byte) (fr lz4Blocks, ok bool) {
	if len(src) < 11 || binary.LittleEndian.Uint32(src) != lz4Magic || src[4]>>6 != 1 || src[4]&lz4Dictionary != 0 {
		return fr, false
	}
	code := src[5] >> 4 & 7
	if code < 4 {
		return fr, false
	}
	head := 7
	if src[4]&lz4ContentSize != 0 {
		head += 8
	}
	fr = lz4Blocks{src: src[min(head, len(src)):], flags: src[4], size: 1 << (8 + 2*code)}
	at := 0
	for {
		if len(fr.src) < at+4 {
			return fr, false
		}
		word := binary.LittleEndian.Uint32(fr.src[at:])
		at += 4
		if word == 0 {
			break
		}
		n := int(word &^ lz4Stored)
		if n > fr.size {
			return fr, false
		}
		fr.bound += fr.most(word, n)
		at += n + fr.trailer()
	}
	if fr.flags&lz4ContentChecksum != 0 {
		at += 4
	}
	return fr, at == len(fr.src)
}

func (fr lz4Blocks) trailer() int {
	if fr.flags&lz4BlockChecksum != 0 {
		return 4
	}
	return 0
}

func (fr lz4Blocks) most(word uint32, n int) int {
	if word&lz4Stored != 0 {
		return n
	}
	return min(fr.size, lz4Ratio*n)
}

// into unpacks to dst and tells how many bytes there are. An error may mean only that dst is too small.
func (fr lz4Blocks) into(dst []byte) (int, error) {
	done, src := 0, fr.src
	for {
		word := binary.LittleEndian.Uint32(src)
		if word == 0 {
			return done, nil
		}
		n := int(word &^ lz4Stored)
		block := src[4 : 4+n]
		src = src[4+n+fr.trailer():]
		k, err := fr.block(dst, done, block, word&lz4Stored != 0)
		if err != nil {
			return 0, err
		}
		done += k
	}
}

func (fr lz4Blocks) block(dst []byte, done int, block []byte, stored bool) (int, error) {
	room := dst[done:min(len(dst), done+fr.size)]
	switch {
	case stored && len(block) > len(room):
		return 0, errLz4
	case stored:
		return copy(room, block), nil
	case fr.flags&lz4Independent != 0 || done == 0:
		return lz4.UncompressBlock(block, room)
	}
	return lz4.UncompressBlockWithDict(block, room, dst[max(0, done-lz4Window):done])
}
