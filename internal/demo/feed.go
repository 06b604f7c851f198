package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	topic      = "flights"
	partitions = 8
	perBeat    = 500
	beat       = 100 * time.Millisecond
)

// feed writes flights into the topic: flight i goes to partition i mod 8, so that each partition's end tells which of its flights is
// next (X3).
type feed struct {
	client *kgo.Client
	log    flightLog
	next   int64             // the next flight, counted over all rounds
	ends   [partitions]int64 // of the partitions: how many of its flights each one has
}

func newFeed(ctx context.Context, broker string, log flightLog) (*feed, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return nil, fmt.Errorf("open the feed: %w", err)
	}
	f := &feed{client: client, log: log}
	if err := f.position(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return f, nil
}

// position finds where the last run stopped: at the first flight that is missing in its partition.
func (f *feed) position(ctx context.Context) error {
	listed, err := kadm.NewClient(f.client).ListEndOffsets(ctx, topic)
	if err := errors.Join(err, listed.Error()); err != nil {
		return fmt.Errorf("find the end of the topic: %w", err)
	}
	for p := range f.ends {
		end, ok := listed.Lookup(topic, int32(p))
		if !ok {
			return fmt.Errorf("find the end of the topic: partition %d is not there", p)
		}
		f.ends[p] = end.Offset
		if first := end.Offset*partitions + int64(p); p == 0 || first < f.next {
			f.next = first
		}
	}
	return nil
}

// total is how many flights the topic holds.
func (f *feed) total() (n int64) {
	for _, end := range f.ends {
		n += end
	}
	return n
}

// write adds the next n flights. A partition that already has a flight (its run was killed while others had not yet been written) is
// passed over.
func (f *feed) write(ctx context.Context, n int) error {
	var records []*kgo.Record
	for range n {
		i := f.next
		f.next++
		p := i % partitions
		if i/partitions < f.ends[p] {
			continue
		}
		f.ends[p]++
		records = append(records, &kgo.Record{Partition: int32(p), Value: f.log.flight(i)})
	}
	if err := f.client.ProduceSync(ctx, records...).FirstErr(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("write flights: %w", err)
	}
	return nil
}

func (f *feed) close() { f.client.Close() }

// flightLog is an endless log of flights: after the last one it begins again, a quarter later.
type flightLog struct {
	lines   [][]byte
	quarter time.Duration // whole days from the first flight to after the last one
}

var dateField = []byte(`"date":"`)

func newFlightLog(lines [][]byte) (flightLog, error) {
	if len(lines) == 0 {
		return flightLog{}, errors.New("read the flights: there are none")
	}
	first, err := date(lines[0])
	if err != nil {
		return flightLog{}, err
	}
	last, err := date(lines[len(lines)-1])
	if err != nil {
		return flightLog{}, err
	}
	const day = 24 * time.Hour
	return flightLog{lines: lines, quarter: last.Truncate(day).Sub(first.Truncate(day)) + day}, nil
}

// flight returns the i-th flight, its date moved by a quarter a round.
func (l flightLog) flight(i int64) []byte {
	line, round := l.lines[i%int64(len(l.lines))], i/int64(len(l.lines))
	if round == 0 {
		return line
	}
	at, err := date(line)
	if err != nil {
		return line // the pipeline reports it, with its position
	}
	moved := at.Add(time.Duration(round) * l.quarter).Format(time.RFC3339)
	start := bytes.Index(line, dateField) + len(dateField)
	out := append([]byte(nil), line[:start]...)
	return append(append(out, moved...), line[start+len(moved):]...)
}

// date reads a flight's date, as "date":"2001-01-01T00:04:00Z".
func date(line []byte) (time.Time, error) {
	_, rest, ok := bytes.Cut(line, dateField)
	if !ok || len(rest) < len("2001-01-01T00:04:00Z") {
		return time.Time{}, fmt.Errorf("read a flight: no date in %s", line)
	}
	at, err := time.Parse(time.RFC3339, string(rest[:len("2001-01-01T00:04:00Z")]))
	if err != nil {
		return time.Time{}, fmt.Errorf("read a flight: %w", err)
	}
	return at, nil
}
