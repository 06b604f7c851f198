package engine

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/operators"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// lane is one goroutine's share of the narrow work, with all that it needs for itself.
type lane struct {
	number  int
	ctx     operators.Context
	sources map[*plan.Source]*reader
	marks   []mark // effects that are taken back by truncation when a record fails (OP2)
	counts  batch.Counts
	dead    []batch.DeadLetter
	late    []batch.LateRow
	stopped error // on_error: stop, or a fault: the batch cannot be computed
	buffers []Buffer
	wides   []*wide
	held    atomic.Int64 // bytes of the open batch, as of the newest chunk that has run
}

// mark is one place that a record may add to and that can be cut back.
type mark struct {
	at     int
	take   func() int
	rewind func(int)
}

// reader runs one source's records in one lane.
type reader struct {
	source  *plan.Source
	decode  Decoder
	row     []row.Value
	head    operators.Rows
	staging bool
}

// errors of records that are not the decoder's or an expression's.
var (
	errNoEventTime = errors.New("event time is NULL")
	errInfinite    = errors.New("event time is infinite")
	errTooFarAhead = errors.New("event time is too far after the batch time")
)

const (
	codeDecode   = "decode"
	codeEvaluate = "evaluate"
	codeAhead    = "too_far_ahead"
)

// run takes one chunk. t is the chunk's partition's event time.
func (l *lane) run(r *reader, c *batch.Chunk, t *tide) {
	for i := range c.Records {
		if l.stopped != nil {
			return
		}
		l.record(r, c.Partition, &c.Records[i], t)
	}
	l.counts.In += int64(len(c.Records))
	l.counts.Bytes += c.Bytes
}

// weigh counts what the lane holds of the open batch.
func (l *lane) weigh() {
	var n int64
	for _, b := range l.buffers {
		n += b.Bytes()
	}
	for _, w := range l.wides {
		n += w.Held(l.number)
	}
	l.held.Store(n)
}

// record takes one record to exactly one end (B2).
func (l *lane) record(r *reader, p batch.Partition, rec *batch.Record, t *tide) {
	c := &l.ctx
	c.Scratch.Reset()
	c.Err, c.Stage, c.Reached, c.Late, c.Staging = nil, "", false, c.Late[:0], r.staging
	if r.staging {
		for i := range l.marks {
			l.marks[i].at = l.marks[i].take()
		}
	}
	code := l.evaluate(r, p, rec)
	if c.Err != nil {
		c.Drop()
		if r.staging {
			for i := range l.marks {
				l.marks[i].rewind(l.marks[i].at)
			}
		}
		l.reject(r, p, rec, code)
		return
	}
	c.Settle()
	if t != nil && c.EventTime > t.greatest {
		t.greatest = c.EventTime
	}
	switch {
	case len(c.Late) > 0:
		l.tooLate(r, p, rec)
	case !c.Reached:
		l.counts.Filtered++
	}
}

// evaluate runs the record through the narrow operators; an error is in the context, its code is returned.
func (l *lane) evaluate(r *reader, p batch.Partition, rec *batch.Record) string {
	c := &l.ctx
	if err := r.decode.Decode(rec.Value, r.row, &c.Scratch); err != nil {
		c.Fail(err)
		return codeDecode
	}
	pseudo(r.source.Pseudo, r.row[len(r.source.Fields):], p, rec)
	c.Row = r.row
	if et := r.source.EventTime; et != nil {
		at, null := et.Expr.Int(&c.Env)
		switch {
		case null:
			c.Fail(errNoEventTime)
		case at == row.PosInfinity || at == row.NegInfinity:
			c.Fail(errInfinite) // no window holds it, and a watermark there would close them all
		}
		if c.Err != nil {
			c.Stage = "event_time"
			return codeEvaluate
		}
		if et.MaxAhead > 0 && at > c.BatchTime+et.MaxAhead.Microseconds() {
			c.Fail(fmt.Errorf("%w by more than max_ahead %s", errTooFarAhead, et.MaxAhead))
			c.Stage = "event_time"
			return codeAhead
		}
		c.EventTime = at
	}
	r.head(c)
	return codeEvaluate
}

func pseudo(kinds []plan.Pseudo, out []row.Value, p batch.Partition, rec *batch.Record) {
	for i, k := range kinds {
		switch k {
		case plan.PseudoKey:
			out[i] = row.Value{S: row.String(rec.Key), Null: rec.Key == nil}
		case plan.PseudoTopic:
			out[i] = row.OfText(p.Topic)
		case plan.PseudoPartition:
			out[i] = row.OfInt(int64(p.ID))
		case plan.PseudoOffset:
			out[i] = row.OfInt(rec.Offset)
		case plan.PseudoTimestamp:
			out[i] = row.Value{N: rec.Timestamp * 1000, Null: rec.Timestamp < 0}
		}
	}
}

// reject treats a record that could not be decoded or evaluated by its source's on_error.
func (l *lane) reject(r *reader, p batch.Partition, rec *batch.Record, code string) {
	c := &l.ctx
	stage := c.Stage
	if stage == "" {
		stage = code
	}
	switch r.source.OnError {
	case plan.Stop:
		l.stopped = &RecordError{Source: r.source.Name, Partition: p, Offset: rec.Offset, Stage: stage, Err: c.Err}
		return
	case plan.DeadLetterIt:
		l.dead = append(l.dead, batch.DeadLetter{
			Source: r.source.Name, Partition: p, Offset: rec.Offset, Timestamp: rec.Timestamp, Stage: stage, Code: code,
			Error: c.Err.Error(), Key: bytes.Clone(rec.Key), Value: bytes.Clone(rec.Value),
		})
	case plan.Skip:
	}
	l.counts.Dead++
}

func (l *lane) tooLate(r *reader, p batch.Partition, rec *batch.Record) {
	c := &l.ctx
	l.counts.Late++
	for _, stream := range c.Late {
		l.late = append(l.late, batch.LateRow{
			Source: r.source.Name, Stream: stream, Partition: p, Offset: rec.Offset, EventTime: c.EventTime, Watermark: c.Watermark,
			Key: bytes.Clone(rec.Key), Value: bytes.Clone(rec.Value),
		})
	}
}

// RecordError stops a pipeline whose source says on_error: stop. The record is still in Kafka.
type RecordError struct {
	Source    string
	Partition batch.Partition
	Offset    int64
	Stage     string
	Err       error
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("source %s: record %s@%d: %s: %v; on_error is stop: mend the data or set on_error to dead-letter or skip",
		e.Source, e.Partition, e.Offset, e.Stage, e.Err)
}

func (e *RecordError) Unwrap() error { return e.Err }

// sink gives the lane's end of a sink: rows that the sink cannot take are errors of their record.
func (l *lane) sink(i int, name string) operators.Rows {
	stage := "sink " + name
	return func(c *operators.Context) {
		if err := l.buffers[i].Add(c.Row); err != nil {
			c.Fail(err)
			c.Stage = stage
			return
		}
		c.Reached = true
	}
}
