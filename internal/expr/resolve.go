package expr

import (
	"slices"

	"github.com/millrace/millrace/internal/row"
)

// overload is one function or operator of a name: the types it takes, the type it gives, and how its closure is made.
type overload struct {
	args   []row.Type
	ret    row.Type
	build  builder
	lax    bool   // NULL arguments do not make its result NULL
	refuse string // it exists in Postgres and not here: what to write instead
}

type table map[string][]overload

// merge joins tables of families into one.
func merge(tables ...table) table {
	all := table{}
	for _, t := range tables {
		for name, list := range t {
			all[name] = append(all[name], list...)
		}
	}
	return all
}

// sig makes an overload: the last type is the result's.
func sig(b builder, types ...row.Type) overload {
	n := len(types) - 1
	return overload{args: types[:n:n], ret: types[n], build: b}
}

// lax marks overloads that look at their NULL arguments themselves.
func lax(list ...overload) []overload {
	for i := range list {
		list[i].lax = true
	}
	return list
}

// refused makes an overload that exists so that Postgres's choice of overloads comes to it, and is then refused with a cure.
func refused(cure string, types ...row.Type) overload {
	o := sig(nil, types...)
	o.refuse = cure
	return o
}

// category is Postgres's typcategory: types of one category turn into each other where a literal is settled.
func category(t row.Type) byte {
	switch t {
	case row.Bool:
		return 'B'
	case row.Int2, row.Int4, row.Int8, row.Float8, row.Numeric:
		return 'N'
	case row.Text:
		return 'S'
	case row.Bytea:
		return 'U'
	case row.Date, row.Timestamp, row.TimestampTZ:
		return 'D'
	case row.Interval:
		return 'T'
	case row.Unknown:
		return 'X'
	case anyElement:
		return 'P'
	}
	return 'A'
}

func preferred(t row.Type) bool {
	switch t {
	case row.Bool, row.Float8, row.Text, row.TimestampTZ, row.Interval:
		return true
	}
	return false
}

// accepts tells whether a value of type from can stand where to is wanted, without a cast written.
func accepts(to, from row.Type) bool {
	switch {
	case to == from || from == row.Unknown || to == anyElement:
		return true
	case to == anyArray:
		return from.IsArray()
	}
	implicit, _, _ := CanCast(from, to)
	return implicit
}

// resolve chooses among overloads by the types of the arguments, as Postgres's func_select_candidate does. A nil result with
// ambiguous false means that none fits.
func resolve(list []overload, types []row.Type) (o *overload, ambiguous bool) {
	var fit []*overload
	for i := range list {
		c := &list[i]
		if slices.Equal(c.args, types) {
			return c, false
		}
		if acceptsAll(c.args, types) {
			fit = append(fit, c)
		}
	}
	fit = best(fit, func(c *overload) int { return score(c, types, false) })
	if len(fit) > 1 {
		fit = best(fit, func(c *overload) int { return score(c, types, true) })
	}
	if len(fit) > 1 && slices.Contains(types, row.Unknown) {
		fit = byCategory(fit, types)
	}
	if len(fit) > 1 && slices.Contains(types, row.Unknown) {
		fit = byOtherType(fit, types)
	}
	if len(fit) != 1 {
		return nil, len(fit) > 1
	}
	return fit[0], false
}

func acceptsAll(want, have []row.Type) bool {
	if len(want) != len(have) {
		return false
	}
	for i := range want {
		if !accepts(want[i], have[i]) {
			return false
		}
	}
	return true
}

// best keeps those with the highest score.
func best(list []*overload, score func(*overload) int) []*overload {
	var keep []*overload
	top := 0
	for _, c := range list {
		switch s := score(c); {
		case len(keep) == 0 || s > top:
			keep, top = []*overload{c}, s
		case s == top:
			keep = append(keep, c)
		}
	}
	return keep
}

// score counts arguments that need no cast, and with pref those that come to the preferred type of their category.
func score(c *overload, types []row.Type, pref bool) int {
	n := 0
	for i, t := range types {
		if t != row.Unknown && (c.args[i] == t || pref && preferred(c.args[i]) && category(c.args[i]) == category(t)) {
			n++
		}
	}
	return n
}

// byCategory settles untyped literals: as text where any overload takes text there, else in the one category that all agree on.
func byCategory(list []*overload, types []row.Type) []*overload {
	keep := list
	for i, t := range types {
		if t != row.Unknown {
			continue
		}
		cat, pref, ok := slotCategory(list, i)
		if !ok {
			return list
		}
		keep = slices.DeleteFunc(slices.Clone(keep), func(c *overload) bool {
			return category(c.args[i]) != cat || pref && !preferred(c.args[i])
		})
	}
	if len(keep) == 0 {
		return list
	}
	return keep
}

func slotCategory(list []*overload, i int) (cat byte, pref, ok bool) {
	conflict := false
	for _, c := range list {
		t := c.args[i]
		switch k := category(t); {
		case cat == 0:
			cat, pref = k, preferred(t)
		case k == cat:
			pref = pref || preferred(t)
		case k == 'S':
			cat, pref = k, preferred(t)
		default:
			conflict = true
		}
	}
	return cat, pref, !conflict || cat == 'S'
}

// byOtherType takes untyped literals to have the one type that all the other arguments have.
func byOtherType(list []*overload, types []row.Type) []*overload {
	known := row.Unknown
	for _, t := range types {
		if t == row.Unknown {
			continue
		}
		if known != row.Unknown && known != t {
			return list
		}
		known = t
	}
	if known == row.Unknown {
		return list
	}
	same := slices.Clone(types)
	for i := range same {
		same[i] = known
	}
	keep := slices.DeleteFunc(slices.Clone(list), func(c *overload) bool { return !acceptsAll(c.args, same) })
	if len(keep) != 1 {
		return list
	}
	return keep
}

// resolveOperator is resolve with the rule that an untyped literal beside an operand has the operand's type, if there is such an operator.
func resolveOperator(list []overload, types []row.Type) (*overload, bool) {
	if len(types) == 2 && (types[0] == row.Unknown) != (types[1] == row.Unknown) {
		known := types[0]
		if known == row.Unknown {
			known = types[1]
		}
		for i := range list {
			if slices.Equal(list[i].args, []row.Type{known, known}) {
				return &list[i], false
			}
		}
	}
	return resolve(list, types)
}
