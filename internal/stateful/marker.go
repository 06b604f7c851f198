package stateful

import (
	"encoding/binary"
	"fmt"

	"github.com/millrace/millrace/internal/batch"
)

// Head is a point in a shard's history: the number of the last delta and the commit that wrote it. The zero Head is the empty state, before
// any delta.
type Head struct {
	Seq int64
	ID  batch.Token
}

func (h Head) String() string {
	if h == (Head{}) {
		return "empty"
	}
	return fmt.Sprintf("%d (%s)", h.Seq, h.ID)
}

// identity is whose state a directory holds; state of another identity does not fit.
type identity struct {
	hashVersion uint8
	shards      int
	pipeline    string
}

func (i identity) String() string {
	return fmt.Sprintf("pipeline %q, %d shards, hash version %d", i.pipeline, i.shards, i.hashVersion)
}

const (
	markerVersion = 1
	markerFixed   = 1 + 8 + 16 + 1 + 2 // version, seq, id, hash version, shards; the pipeline's name follows
)

func appendMarker(dst []byte, h Head, id identity) []byte {
	dst = append(dst, markerVersion)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.Seq))
	dst = append(dst, h.ID[:]...)
	dst = append(dst, id.hashVersion)
	dst = binary.BigEndian.AppendUint16(dst, uint16(id.shards))
	return append(dst, id.pipeline...)
}

func parseMarker(b []byte) (h Head, id identity, err error) {
	if len(b) < markerFixed || b[0] != markerVersion {
		return h, id, fmt.Errorf("%w: marker of %d bytes", ErrDamaged, len(b))
	}
	h.Seq = int64(binary.BigEndian.Uint64(b[1:]))
	copy(h.ID[:], b[9:25])
	id.hashVersion = b[25]
	id.shards = int(binary.BigEndian.Uint16(b[26:]))
	id.pipeline = string(b[markerFixed:])
	return h, id, nil
}
