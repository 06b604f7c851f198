package stateful

import (
	"encoding/binary"
	"math"
)

// A key in Pebble is shard (2 bytes, big endian), operator (4 bytes, big endian), then the operator's own key. The shard comes first so that
// a shard is one range: dropped by one tombstone, written as a snapshot by one scan.
const (
	shardLen  = 2
	prefixLen = shardLen + 4

	// MaxShards bounds the number of shards: the shard number above it is the range of the markers.
	MaxShards   = math.MaxUint16
	markerShard = math.MaxUint16

	// MaxKey and MaxValue bound what one entry of the state may hold.
	MaxKey   = 1 << 20
	MaxValue = 32 << 20
)

func appendShard(dst []byte, shard int) []byte {
	return binary.BigEndian.AppendUint16(dst, uint16(shard))
}

func appendPrefix(dst []byte, shard int, op uint32) []byte {
	return binary.BigEndian.AppendUint32(appendShard(dst, shard), op)
}

func appendKey(dst []byte, shard int, op uint32, key []byte) []byte {
	return append(appendPrefix(dst, shard, op), key...)
}

// appendEnd writes the end of a range of an operator's keys: hi, or what follows the operator's last key if hi is nil.
func appendEnd(dst []byte, shard int, op uint32, hi []byte) []byte {
	switch {
	case hi != nil:
		return appendKey(dst, shard, op, hi)
	case op == math.MaxUint32:
		return appendShard(dst, shard+1)
	default:
		return appendPrefix(dst, shard, op+1)
	}
}

// shardRange returns the half-open range of a shard's keys; its markers stand elsewhere.
func shardRange(shard int) (start, end []byte) {
	return appendShard(nil, shard), appendShard(nil, shard+1)
}

func markerKey(shard int) []byte { return appendShard(appendShard(nil, markerShard), shard) }

func parseMarkerKey(key []byte) (shard int, err error) {
	if len(key) != 2*shardLen {
		return 0, ErrDamaged
	}
	return int(binary.BigEndian.Uint16(key[shardLen:])), nil
}
