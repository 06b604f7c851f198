package pipeline

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// The examples make a timestamp of milliseconds by way of a double. It has to be exact to the microsecond, or records at a window's edge
// would fall into its neighbour.
func TestMillisecondsBecomeTimestampsExactlyInTheExamples(t *testing.T) {
	clicks := load(t, "../../examples/bench/clicks.yaml").Sources[0]
	etl := load(t, "../../examples/bench/etl.yaml")
	projection := etl.Streams[0].Steps[1].(*plan.Map)
	const first, last = -2208988800000, 4102444800000 // 1900 to 2100
	r := rand.New(rand.NewPCG(1, 2))
	check := func(ms int64) {
		require.Equal(t, ms*1000, timestamp(t, clicks.EventTime.Expr, clicks.Columns, ms), "clicks: %d", ms)
		require.Equal(t, ms*1000, timestamp(t, projection.Exprs[3], etl.Sources[0].Columns, ms), "etl: %d", ms)
	}
	for range 100_000 {
		check(first + r.Int64N(last-first))
	}
	for ms := int64(1767225600000); ms < 1767225600000+20_000; ms++ { // every one around the edges of the bench's first windows
		check(ms)
	}
}

// timestamp evaluates an expression over a row whose column ts is ms.
func timestamp(t *testing.T, x *expr.Expr, columns []row.Column, ms int64) int64 {
	t.Helper()
	env := &expr.Env{Row: make([]row.Value, len(columns))}
	for i, c := range columns {
		if c.Name == "ts" {
			env.Row[i] = row.OfInt(ms)
		}
	}
	v, null := x.Int(env)
	require.False(t, null)
	require.NoError(t, env.Err)
	return v
}
