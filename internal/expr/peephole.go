package expr

import (
	"github.com/millrace/millrace/internal/expr/pgnum"
	"github.com/millrace/millrace/internal/row"
)

// numericToFloat casts numeric to double precision. `int / 1000.0` and `int * 0.001` do not go through a numeric: below 2^53 the quotient
// of two doubles is the double nearest to the quotient, and that is what the digits of the numeric quotient read back as. (Postgres
// gives it at least as many digits after the point as the power of ten has: select_div_scale, for whole parts below 2^53.)
func numericToFloat(n *node, a []*node) {
	general := try1(func(_ *Env, x dec) (float64, error) { return pgnum.ToFloat(x) })
	general(n, a)
	whole, power, ok := decimalShift(a[0])
	if !ok {
		return
	}
	slow := n.float
	n.float = func(e *Env) (float64, bool) {
		v, null := whole(e)
		switch {
		case null:
			return 0, true
		case v > -1<<53 && v < 1<<53:
			return float64(v) / power, false
		}
		return slow(e)
	}
}

// decimalShift recognises int / 10^k and int * 10^-k over numeric, for k of 0 to 15.
func decimalShift(n *node) (whole func(*Env) (int64, bool), power float64, ok bool) {
	if n.op != "/" && n.op != "*" || len(n.args) != 2 || n.folded {
		return nil, 0, false
	}
	from, by := n.args[0], n.args[1]
	if from.op != "::" || len(from.args) != 1 || from.args[0].typ.Rep() != row.RepInt || from.folded {
		return nil, 0, false
	}
	c, isConst := by.isConst()
	if !isConst {
		return nil, 0, false
	}
	k, ok := powerOfTen(c.Decimal())
	if n.op == "*" {
		k = -k
	}
	if !ok || k < 0 || k > 15 {
		return nil, 0, false
	}
	power = 1
	for range k {
		power *= 10
	}
	return from.args[0].integer, power, true
}

// powerOfTen gives k for a positive numeric that equals 10^k.
func powerOfTen(d dec) (k int, ok bool) {
	text := pgnum.AppendNumeric(nil, pgnum.Abs(d))
	ones := 0
	point, at := len(text), -1
	for i, b := range text {
		switch b {
		case '.':
			point = i
		case '1':
			ones++
			at = i
		case '0':
		default:
			return 0, false
		}
	}
	if ones != 1 || d.Negative {
		return 0, false
	}
	if at < point {
		return point - at - 1, true
	}
	return point - at, true
}
