package expr

import (
	"errors"
	"math"

	"github.com/millrace/millrace/internal/expr/pgnum"
	"github.com/millrace/millrace/internal/row"
)

func float2(f func(x, y float64) (float64, error)) overload {
	return sig(try2(func(_ *Env, x, y float64) (float64, error) { return f(x, y) }), row.Float8, row.Float8, row.Float8)
}

func float1(f func(x float64) float64) overload { return sig(pure1(f), row.Float8, row.Float8) }

var floatOperators = table{
	"+":  {float2(pgnum.AddFloat), float1(func(x float64) float64 { return x })},
	"-":  {float2(pgnum.SubFloat), float1(func(x float64) float64 { return -x })},
	"*":  {float2(pgnum.MulFloat)},
	"/":  {float2(pgnum.DivFloat)},
	"^":  {float2(pgnum.PowerFloat)},
	"@":  {float1(math.Abs)},
	"|/": {sig(try1(sqrtFloat), row.Float8, row.Float8)},
}

var floatFunctions = table{
	"abs":     {float1(math.Abs)},
	"ceil":    {float1(math.Ceil)},
	"ceiling": {float1(math.Ceil)},
	"floor":   {float1(math.Floor)},
	"round":   {float1(math.RoundToEven)},
	"trunc":   {float1(math.Trunc)},
	"sign":    {float1(signFloat)},
	"sqrt":    {sig(try1(sqrtFloat), row.Float8, row.Float8)},
	"power":   {float2(pgnum.PowerFloat)},
	"pow":     {float2(pgnum.PowerFloat)},
	"exp":     {sig(try1(expFloat), row.Float8, row.Float8)},
	"ln":      {sig(try1(lnFloat), row.Float8, row.Float8)},
}

func signFloat(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return 0
}

func sqrtFloat(_ *Env, x float64) (float64, error) {
	if x < 0 {
		return 0, pgnum.ErrNegativeSqrt
	}
	return math.Sqrt(x), nil
}

func expFloat(_ *Env, x float64) (float64, error) {
	y := pgnum.ExpFloat(x)
	switch {
	case math.IsInf(y, 0) && !math.IsInf(x, 0):
		return 0, pgnum.ErrFloatOverflow
	case y == 0 && !math.IsInf(x, 0):
		return 0, pgnum.ErrFloatUnderflow
	}
	return y, nil
}

func lnFloat(_ *Env, x float64) (float64, error) {
	switch {
	case x == 0:
		return 0, pgnum.ErrLogZero
	case x < 0:
		return 0, pgnum.ErrLogNegative
	}
	return pgnum.LnFloat(x), nil
}

// errTooLong bounds what one record may make: Postgres stops at 1 GB, a stream has to sooner.
var errTooLong = errors.New("requested length too large")
