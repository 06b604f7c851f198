package pgnum

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/apd/v3"
	"github.com/stretchr/testify/require"
)

func random(r *rand.Rand) *apd.Decimal {
	d := FromScaled(r.Int64()>>r.IntN(63), r.IntN(12))
	if r.IntN(2) == 0 {
		d = Neg(d)
	}
	return d
}

func rat(d *apd.Decimal) *big.Rat {
	v, _ := new(big.Rat).SetString(string(AppendNumeric(nil, d)))
	return v
}

// TestArithmeticIsThatOfRationals: sums and products are exact; a quotient is off by at most half of its last digit.
func TestArithmeticIsThatOfRationals(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		x, y := random(r), random(r)
		sum, err := Add(x, y)
		require.NoError(t, err)
		require.Zero(t, rat(sum).Cmp(new(big.Rat).Add(rat(x), rat(y))))
		require.Equal(t, max(Scale(x), Scale(y)), Scale(sum))
		product, err := Mul(x, y)
		require.NoError(t, err)
		require.Zero(t, rat(product).Cmp(new(big.Rat).Mul(rat(x), rat(y))))
		require.Equal(t, rat(x).Cmp(rat(y)), Compare(x, y))
		if Sign(y) == 0 {
			continue
		}
		q, err := Div(x, y)
		require.NoError(t, err)
		off := new(big.Rat).Sub(rat(q), new(big.Rat).Quo(rat(x), rat(y)))
		half := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Mul(big.NewInt(2), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(Scale(q))), nil)))
		require.LessOrEqual(t, off.Abs(off).Cmp(half), 0, "%s / %s = %s", x, y, q)
		m, err := Mod(x, y)
		require.NoError(t, err)
		whole, err := DivTrunc(x, y)
		require.NoError(t, err)
		back, err := Mul(whole, y)
		require.NoError(t, err)
		back, err = Add(back, m)
		require.NoError(t, err)
		require.Zero(t, Compare(x, back))
	}
}

func TestOperandsAreNotChanged(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		x, y := random(r), random(r)
		before := string(AppendNumeric(nil, x)) + " " + string(AppendNumeric(nil, y))
		for _, f := range []func(a, b *apd.Decimal) (*apd.Decimal, error){Add, Sub, Mul, Div, Mod, DivTrunc} {
			_, _ = f(x, y) // division by zero is fine here
		}
		Round(x, 1)
		Ceil(x)
		Floor(x)
		require.Equal(t, before, string(AppendNumeric(nil, x))+" "+string(AppendNumeric(nil, y)))
	}
}

func TestWhatIsPrintedReadsBack(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		x := random(r)
		back, err := ParseNumeric(string(AppendNumeric(nil, x)))
		require.NoError(t, err)
		require.Equal(t, Scale(x), Scale(back))
		require.Zero(t, Compare(x, back))
		f := math.Float64frombits(r.Uint64())
		again, err := ParseFloat(string(AppendFloat(nil, f)))
		require.NoError(t, err)
		require.Zero(t, CompareFloat(f, again))
	}
}

func TestBigintArithmeticKnowsWhenItOverflows(t *testing.T) {
	edges := []int64{0, 1, -1, 2, -2, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, math.MinInt64 + 1, 1 << 32, -1 << 32, 3037000500}
	for _, x := range edges {
		for _, y := range edges {
			for i, f := range []func(x, y int64) (int64, bool){Add8, Sub8, Mul8} {
				z, ok := f(x, y)
				want := []*big.Int{new(big.Int).Add(big.NewInt(x), big.NewInt(y)), new(big.Int).Sub(big.NewInt(x), big.NewInt(y)), new(big.Int).Mul(big.NewInt(x), big.NewInt(y))}[i]
				require.Equal(t, want.IsInt64(), ok, "%d: %d, %d", i, x, y)
				if ok {
					require.Equal(t, want.Int64(), z)
				}
			}
		}
	}
}
