package sinks

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/millrace/millrace/internal/plan"
)

// A statement takes at most this many rows and bytes; the first one reached cuts.
const (
	statementRows  = 50_000
	statementBytes = 64 << 20
)

// item is a row on its way into a statement.
type item struct {
	prefix uint64 // the eight bytes of the key that follow what all keys of the batch begin with: most comparisons end here
	seq    int    // in the order of Add
	key    int    // where the key ends in tuple
	tuple  []byte
}

// scratch is the memory that writing one batch by arrays needs.
type scratch struct {
	items  []item
	arrays [][]byte
}

// writeArrays sends the rows as one array a column.
func (w *Writer) writeArrays(ctx context.Context, conn *pgx.Conn) error {
	s := w.table.takeScratch()
	defer w.table.giveBack(s)
	items := w.items(s)
	if w.table.keys > 0 {
		sortByKey(items)
	}
	return w.table.send(ctx, conn, s, items)
}

// send executes as many statements as the items need. They are in key order where there is a key, and are used up.
func (t *Table) send(ctx context.Context, conn *pgx.Conn, s *scratch, items []item) error {
	repeats := false
	if t.keys > 0 {
		items, repeats = t.settle(items)
	}
	for len(items) > 0 {
		n := statementLen(items)
		sql := t.sql.merge
		if repeats && hasRepeats(items[:n]) {
			sql = t.sql.sum
		}
		if err := t.run(ctx, conn, sql, s, items[:n]); err != nil {
			return err
		}
		items = items[n:]
	}
	return nil
}

func (t *Table) takeScratch() *scratch {
	s, _ := t.scratch.Get().(*scratch)
	if s == nil {
		s = &scratch{arrays: make([][]byte, len(t.columns))}
	}
	return s
}

// giveBack keeps the memory for the next batch, but no reference to this one's rows.
func (t *Table) giveBack(s *scratch) {
	clear(s.items[:cap(s.items)])
	t.scratch.Put(s)
}

func (w *Writer) items(s *scratch) []item {
	s.items = slices.Grow(s.items[:0], int(w.rows))
	w.tuples(func(tuple []byte) {
		s.items = append(s.items, item{seq: len(s.items), key: fieldsEnd(tuple, w.table.keys), tuple: tuple})
	})
	return s.items
}

// keyBytes are the key's fields with their lengths: equal for equal keys and only for them (K5).
func (i *item) keyBytes() []byte { return i.tuple[tupleHeader:i.key] }

// sortByKey brings the items into the order of their keys' bytes, and rows of one key into the order of Add. It is not the order of the
// column's type, but it is the same for every writer (K4), and near to it: what the index meets are a few ascending runs.
func sortByKey(items []item) {
	shared := sharedPrefix(items)
	for i := range items {
		items[i].prefix = eightBytes(items[i].keyBytes()[shared:])
	}
	slices.SortFunc(items, func(a, b item) int {
		if a.prefix != b.prefix {
			return cmp.Compare(a.prefix, b.prefix)
		}
		if c := bytes.Compare(a.keyBytes(), b.keyBytes()); c != 0 {
			return c
		}
		return a.seq - b.seq
	})
}

// sharedPrefix returns how many bytes all keys begin with alike, as the window's start does when there is one window.
func sharedPrefix(items []item) int {
	if len(items) == 0 {
		return 0
	}
	head := items[0].keyBytes()
	n := len(head)
	for i := range items[1:] {
		k := items[i+1].keyBytes()
		n = min(n, len(k))
		for !bytes.Equal(head[:n], k[:n]) {
			n--
		}
	}
	return n
}

func eightBytes(b []byte) uint64 {
	if len(b) >= 8 {
		return binary.BigEndian.Uint64(b)
	}
	var full [8]byte
	copy(full[:], b)
	return binary.BigEndian.Uint64(full[:])
}

// settle leaves, for upsert, the last row of every key. For add it leaves them all and tells whether a key stands there twice.
func (t *Table) settle(items []item) (kept []item, repeats bool) {
	if t.mode == plan.Add {
		return items, hasRepeats(items)
	}
	kept = items[:0]
	for i := range items {
		if i+1 == len(items) || !sameKey(&items[i], &items[i+1]) {
			kept = append(kept, items[i])
		}
	}
	return kept, false
}

func hasRepeats(items []item) bool {
	for i := 1; i < len(items); i++ {
		if sameKey(&items[i-1], &items[i]) {
			return true
		}
	}
	return false
}

func sameKey(a, b *item) bool { return a.prefix == b.prefix && bytes.Equal(a.keyBytes(), b.keyBytes()) }

// statementLen returns how many of the items go into the next statement: at least one.
func statementLen(items []item) int {
	size := 0
	for i := range items {
		size += len(items[i].tuple)
		if i > 0 && size > statementBytes || i == statementRows {
			return i
		}
	}
	return len(items)
}

// run executes a statement with the items' fields as arrays. It is prepared once a connection, where the connection prepares statements at all:
// behind a pooler that hands connections out by transaction it may not (default_query_exec_mode=exec).
func (t *Table) run(ctx context.Context, conn *pgx.Conn, sql string, s *scratch, items []item) error {
	t.fillArrays(s, items)
	binary := []int16{1}
	if conn.Config().DefaultQueryExecMode != pgx.QueryExecModeCacheStatement {
		_, err := conn.PgConn().ExecParams(ctx, sql, s.arrays, nil, binary, nil).Close()
		return err
	}
	prepared, err := conn.Prepare(ctx, sql, sql)
	if err != nil {
		return err
	}
	_, err = conn.PgConn().ExecPrepared(ctx, prepared.Name, s.arrays, binary, nil).Close()
	return err
}

// fillArrays copies fields: those of a tuple and the elements of an array have the same form.
func (t *Table) fillArrays(s *scratch, items []item) {
	for i := range t.columns {
		elem := t.columns[i].typ.oid
		if t.columns[i].literal {
			elem = oidText
		}
		s.arrays[i] = appendArrayHeader(s.arrays[i][:0], len(items), elem)
	}
	for i := range items {
		tuple, at := items[i].tuple, tupleHeader
		for c := range s.arrays {
			end := fieldEnd(tuple, at)
			s.arrays[c] = append(s.arrays[c], tuple[at:end]...)
			at = end
		}
	}
}
