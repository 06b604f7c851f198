package expr

import (
	"slices"

	"github.com/cockroachdb/apd/v3"

	"github.com/millrace/millrace/internal/expr/syntax"
	"github.com/millrace/millrace/internal/row"
)

// Types that only the checker knows. None of them has values.
const (
	invalid    row.Type = 0x7f // an expression with an error: it stops further errors
	anyArray   row.Type = 0x7e // in signatures: any array
	anyElement row.Type = 0x7d // in signatures: anything
)

// node is a checked expression: its type, and the closures of its type's representation.
type node struct {
	typ      row.Type
	at       syntax.Span
	slots    []int // sorted, each once
	fallible bool
	konst    bool        // reads neither slots nor the batch time
	folded   bool        // it is the constant val
	val      row.Value   // of a folded node; of an untyped literal the text
	slot     int         // the column that is passed through, -1 for all else
	op       string      // the function or operator it is a call of, for peepholes
	args     []*node     // of op
	refuse   func(error) // set while it is built: says that a constant argument has no meaning

	boolean func(*Env) (bool, bool)
	integer func(*Env) (int64, bool)
	float   func(*Env) (float64, bool)
	text    func(*Env) (string, bool)
	ref     func(*Env) (any, bool)
	span    func(*Env) (row.Span, bool) // intervals on their way, unboxed
	each    func(*Env, func(row.Value)) bool
}

func bad(at syntax.Span) *node { return &node{typ: invalid, at: at, slot: -1} }

// kind is which closure carries a type's values.
type kind uint8

const (
	kindBool kind = iota
	kindInt
	kindFloat
	kindText
	kindRef
)

func kindOf(t row.Type) kind {
	switch {
	case t == row.Bool:
		return kindBool
	case t.Rep() == row.RepInt:
		return kindInt
	case t.Rep() == row.RepFloat:
		return kindFloat
	case t.Rep() == row.RepText:
		return kindText
	}
	return kindRef
}

// get returns the closure of a node that gives values as T: bool, int64, float64, string, row.Span, *apd.Decimal, []row.Value, or any
// for what is behind a reference.
func get[T any](n *node) func(*Env) (T, bool) {
	var zero T
	var f any
	switch any(zero).(type) {
	case bool:
		f = n.boolean
	case int64:
		f = n.integer
	case float64:
		f = n.float
	case string:
		f = n.text
	case row.Span:
		f = n.span
		if n.span == nil {
			f = deref[row.Span](n.ref)
		}
	case *apd.Decimal:
		f = deref[*apd.Decimal](n.ref)
	case []row.Value:
		f = deref[[]row.Value](n.ref)
	default:
		f = n.ref
	}
	return f.(func(*Env) (T, bool))
}

func deref[T any](ref func(*Env) (any, bool)) func(*Env) (T, bool) {
	return func(e *Env) (v T, null bool) {
		r, null := ref(e)
		if null {
			return v, true
		}
		return r.(T), false
	}
}

// set gives a node its closure; see get.
func set[T any](n *node, f func(*Env) (T, bool)) {
	switch f := any(f).(type) {
	case func(*Env) (bool, bool):
		n.boolean = f
	case func(*Env) (int64, bool):
		n.integer = f
	case func(*Env) (float64, bool):
		n.float = f
	case func(*Env) (string, bool):
		n.text = f
	case func(*Env) (any, bool):
		n.ref = f
	case func(*Env) (row.Span, bool):
		n.span = f
		n.ref = boxed(f)
	default:
		n.ref = boxed(any(f).(func(*Env) (T, bool))) //nolint:unconvert // the switch has hidden the type
	}
}

func boxed[T any](f func(*Env) (T, bool)) func(*Env) (any, bool) {
	return func(e *Env) (any, bool) {
		v, null := f(e)
		if null {
			return nil, true
		}
		return v, false
	}
}

// value returns a closure that gives the node's value whatever its type.
func (n *node) value() func(*Env) row.Value {
	if n.slot >= 0 {
		i := n.slot
		return func(e *Env) row.Value { return e.Row[i] }
	}
	if n.folded {
		v := n.val
		return func(*Env) row.Value { return v }
	}
	switch kindOf(n.typ) {
	case kindBool:
		return valued(n.boolean, row.OfBool)
	case kindInt:
		return valued(n.integer, row.OfInt)
	case kindFloat:
		return valued(n.float, row.OfFloat)
	case kindText:
		return valued(n.text, row.OfText)
	}
	return valued(n.ref, row.OfRef)
}

func valued[T any](f func(*Env) (T, bool), of func(T) row.Value) func(*Env) row.Value {
	return func(e *Env) row.Value {
		v, null := f(e)
		if null {
			return row.NullValue
		}
		return of(v)
	}
}

// setValue gives a node its closure from one that gives whole values.
func setValue(n *node, f func(*Env) row.Value) {
	switch kindOf(n.typ) {
	case kindBool:
		n.boolean = func(e *Env) (bool, bool) { v := f(e); return v.N != 0, v.Null }
	case kindInt:
		n.integer = func(e *Env) (int64, bool) { v := f(e); return v.N, v.Null }
	case kindFloat:
		n.float = func(e *Env) (float64, bool) { v := f(e); return v.Float(), v.Null }
	case kindText:
		n.text = func(e *Env) (string, bool) { v := f(e); return v.S, v.Null }
	default:
		n.ref = func(e *Env) (any, bool) { v := f(e); return v.Ref, v.Null }
	}
}

// column makes a node that passes a slot through.
func column(slot int, t row.Type, at syntax.Span) *node {
	n := &node{typ: t, at: at, slot: slot, slots: []int{slot}}
	switch kindOf(t) {
	case kindBool:
		n.boolean = func(e *Env) (bool, bool) { v := &e.Row[slot]; return v.N != 0, v.Null }
	case kindInt:
		n.integer = func(e *Env) (int64, bool) { v := &e.Row[slot]; return v.N, v.Null }
	case kindFloat:
		n.float = func(e *Env) (float64, bool) { v := &e.Row[slot]; return v.Float(), v.Null }
	case kindText:
		n.text = func(e *Env) (string, bool) { v := &e.Row[slot]; return v.S, v.Null }
	default:
		n.ref = func(e *Env) (any, bool) { v := &e.Row[slot]; return v.Ref, v.Null }
	}
	return n
}

// constant makes a node of a value that is known now.
func constant(v row.Value, t row.Type, at syntax.Span) *node {
	n := &node{typ: t, at: at, slot: -1, konst: true, folded: true, val: v}
	null := v.Null
	switch kindOf(t) {
	case kindBool:
		b := v.N != 0
		n.boolean = func(*Env) (bool, bool) { return b, null }
	case kindInt:
		n.integer = func(*Env) (int64, bool) { return v.N, null }
	case kindFloat:
		f := v.Float()
		n.float = func(*Env) (float64, bool) { return f, null }
	case kindText:
		n.text = func(*Env) (string, bool) { return v.S, null }
	default:
		n.ref = func(*Env) (any, bool) { return v.Ref, null }
		if t == row.Interval && !null {
			s := v.Span()
			n.span = func(*Env) (row.Span, bool) { return s, false }
		}
	}
	return n
}

// isConst returns a folded node's value; ok is false for NULL too.
func (n *node) isConst() (row.Value, bool) { return n.val, n.folded && !n.val.Null }

// isNull tells whether the node is the constant NULL.
func (n *node) isNull() bool { return n.folded && n.val.Null }

// combine makes the node of a call: what it reads and whether it can fail come from its arguments.
func combine(op string, t row.Type, at syntax.Span, args []*node) *node {
	n := &node{typ: t, at: at, slot: -1, konst: true, op: op, args: args}
	for _, a := range args {
		n.fallible = n.fallible || a.fallible
		n.konst = n.konst && a.konst
		n.slots = append(n.slots, a.slots...)
	}
	slices.Sort(n.slots)
	n.slots = slices.Compact(n.slots)
	return n
}

// fold replaces a node whose arguments are all constant by its value. One that fails stays as it is: a CASE may never come to it.
func fold(n *node) *node {
	if !n.konst || n.folded || n.typ == invalid {
		return n
	}
	var e Env
	v := n.value()(&e).Clone()
	if e.Err != nil {
		return n
	}
	out := constant(v, n.typ, n.at)
	out.op, out.args = n.op, n.args
	return out
}
