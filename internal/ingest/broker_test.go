package ingest

import (
	"encoding/binary"
	"hash/crc32"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// gate is the network in front of a broker: shut, it ends all connections and takes no new ones.
type gate struct {
	mu    sync.Mutex
	shut  bool
	conns []net.Conn
}

func (g *gate) listen(network, address string) (net.Listener, error) {
	l, err := net.Listen(network, address)
	return gated{l, g}, err
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	if shut {
		for _, c := range g.conns {
			c.Close()
		}
		g.conns = nil
	}
}

type gated struct {
	net.Listener
	g *gate
}

func (l gated) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.g.mu.Lock()
	defer l.g.mu.Unlock()
	if l.g.shut {
		c.Close()
	}
	l.g.conns = append(l.g.conns, c)
	return c, nil
}

// batchOf writes a record batch by hand: uncompressed, one record, no key.
func batchOf(offset int64, value []byte) []byte {
	record := []byte{0, 0, 0, 1} // attributes, time delta 0, offset delta 0, key length -1
	record = binary.AppendVarint(record, int64(len(value)))
	record = append(append(record, value...), 0)
	b := make([]byte, headerSize)
	binary.BigEndian.PutUint64(b, uint64(offset))
	b[magicAt] = 2
	binary.BigEndian.PutUint64(b[43:], ^uint64(0)) // no producer
	binary.BigEndian.PutUint32(b[57:], 1)
	b = append(binary.AppendVarint(b, int64(len(record))), record...)
	return sealed(b)
}

// sealed fills in length and checksum.
func sealed(b []byte) []byte {
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-lengthEnd))
	binary.BigEndian.PutUint32(b[crcAt:], crc32.Checksum(b[crcFrom:], castagnoli))
	return b
}

// abortedList is a broker's list of aborted transactions: producer and first offset of each.
func abortedList(list ...[2]int64) (out []kmsg.FetchResponseTopicPartitionAbortedTransaction) {
	for _, e := range list {
		a := kmsg.NewFetchResponseTopicPartitionAbortedTransaction()
		a.ProducerID, a.FirstOffset = e[0], e[1]
		out = append(out, a)
	}
	return out
}
