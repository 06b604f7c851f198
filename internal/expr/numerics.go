package expr

import (
	"github.com/cockroachdb/apd/v3"

	"github.com/millrace/millrace/internal/expr/pgnum"
	"github.com/millrace/millrace/internal/row"
)

type dec = *apd.Decimal

func numeric2(f func(x, y dec) (dec, error)) overload {
	return sig(try2(func(_ *Env, x, y dec) (dec, error) { return f(x, y) }), row.Numeric, row.Numeric, row.Numeric)
}

func numeric1(f func(x dec) dec) overload { return sig(pure1(f), row.Numeric, row.Numeric) }

var numericOperators = table{
	"+": {numeric2(pgnum.Add), numeric1(func(x dec) dec { return x })},
	"-": {numeric2(pgnum.Sub), numeric1(pgnum.Neg)},
	"*": {numeric2(pgnum.Mul)},
	"/": {numeric2(pgnum.Div)},
	"%": {numeric2(pgnum.Mod)},
	"^": {numeric2(pgnum.Power)},
	"@": {numeric1(pgnum.Abs)},
}

var numericFunctions = table{
	"abs":     {numeric1(pgnum.Abs)},
	"ceil":    {numeric1(pgnum.Ceil)},
	"ceiling": {numeric1(pgnum.Ceil)},
	"floor":   {numeric1(pgnum.Floor)},
	"mod":     {numeric2(pgnum.Mod)},
	"div":     {numeric2(pgnum.DivTrunc)},
	"round":   {numeric1(func(x dec) dec { return pgnum.Round(x, 0) }), scaled(pgnum.Round)},
	"trunc":   {numeric1(func(x dec) dec { return pgnum.Trunc(x, 0) }), scaled(pgnum.Trunc)},
	"sign":    {numeric1(signNumeric)},
	"scale":   {sig(scaleNumeric, row.Numeric, row.Int4)},
	"sqrt":    {sig(try1(func(_ *Env, x dec) (dec, error) { return pgnum.Sqrt(x) }), row.Numeric, row.Numeric)},
	"power":   {numeric2(pgnum.Power)},
	"pow":     {numeric2(pgnum.Power)},
	"exp":     {sig(try1(func(_ *Env, x dec) (dec, error) { return pgnum.Exp(x) }), row.Numeric, row.Numeric)},
	"ln":      {sig(try1(func(_ *Env, x dec) (dec, error) { return pgnum.Ln(x) }), row.Numeric, row.Numeric)},
}

func scaled(f func(x dec, scale int) dec) overload {
	return sig(pure2(func(x dec, n int64) dec { return f(x, pgnum.LimitScale(n)) }), row.Numeric, row.Int4, row.Numeric)
}

func signNumeric(x dec) dec {
	if x.Form == apd.NaN {
		return x
	}
	return pgnum.FromInt(int64(pgnum.Sign(x)))
}

// scaleNumeric gives the digits after the point; NaN and the infinities have none.
func scaleNumeric(n *node, a []*node) {
	x := get[dec](a[0])
	n.integer = func(e *Env) (int64, bool) {
		d, null := x(e)
		if null || d.Form != apd.Finite {
			return 0, true
		}
		return int64(pgnum.Scale(d)), false
	}
}
