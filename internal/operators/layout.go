package operators

import (
	"encoding/binary"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/row"
)

// layout says which accumulators a key has, and how they stand in the store.
type layout struct {
	aggs    []aggregator
	cells   int        // a key
	heavy   int        // values a key
	heavyAt []int      // by aggregate: its heavy value's place, or -1
	state   []row.Type // updateStateByKey with state + update: the state's columns lie in heavy; aggs is empty then
}

func newLayout(aggs []expr.Agg) *layout {
	l := &layout{cells: len(aggs)}
	for _, a := range aggs {
		g := aggregatorOf(a)
		at := -1
		if g.heavy != row.Unknown {
			at = l.heavy
			l.heavy++
		}
		l.aggs = append(l.aggs, g)
		l.heavyAt = append(l.heavyAt, at)
	}
	return l
}

func stateLayout(cols []row.Column) *layout {
	l := &layout{heavy: len(cols)}
	for _, c := range cols {
		l.state = append(l.state, c.Type)
	}
	return l
}

func (l *layout) heavyOf(a acc, i int) *row.Value {
	if l.heavyAt[i] < 0 {
		return nil
	}
	return &a.heavy[l.heavyAt[i]]
}

func (l *layout) add(a acc, in []input) error {
	for i := range l.aggs {
		if in[i].skip {
			continue
		}
		if err := l.aggs[i].add(&a.cells[i], l.heavyOf(a, i), &in[i]); err != nil {
			return err
		}
	}
	return nil
}

func (l *layout) merge(a, b acc) error {
	for i := range l.aggs {
		if err := l.aggs[i].merge(&a.cells[i], l.heavyOf(a, i), &b.cells[i], l.heavyOf(b, i)); err != nil {
			return err
		}
	}
	return nil
}

func (l *layout) results(a acc, out []row.Value) {
	for i := range l.aggs {
		out[i] = l.aggs[i].result(&a.cells[i], l.heavyOf(a, i))
	}
}

// encode appends a key's accumulators as they stand in the store. Format: docs/FORMATS.md.
func (l *layout) encode(dst []byte, a acc) []byte {
	for i, t := range l.state {
		dst = row.AppendValue(dst, a.heavy[i], t)
	}
	for i := range l.aggs {
		dst = binary.AppendVarint(dst, a.cells[i].n)
		dst = binary.AppendVarint(dst, a.cells[i].c)
		if h := l.heavyOf(a, i); h != nil {
			v := *h
			v.Null = a.cells[i].c == 0 || l.aggs[i].heavy == row.Numeric && v.Ref == nil
			dst = row.AppendValue(dst, v, l.aggs[i].heavy)
		}
	}
	return dst
}

// decode fills a key's accumulators from the store's bytes, which it does not keep.
func (l *layout) decode(src []byte, a acc) error {
	var err error
	for i, t := range l.state {
		if a.heavy[i], src, err = row.DecodeValue(src, t); err != nil {
			return err
		}
		a.heavy[i] = a.heavy[i].Clone()
	}
	for i := range l.aggs {
		n, w := binary.Varint(src)
		if w <= 0 {
			return row.ErrCorrupt
		}
		c, x := binary.Varint(src[w:])
		if x <= 0 {
			return row.ErrCorrupt
		}
		a.cells[i], src = cell{n: n, c: c}, src[w+x:]
		if h := l.heavyOf(a, i); h != nil {
			v, rest, err := row.DecodeValue(src, l.aggs[i].heavy)
			if err != nil {
				return err
			}
			*h, src = v.Clone(), rest
			h.Null = false
		}
	}
	if len(src) != 0 {
		return row.ErrCorrupt
	}
	return nil
}
