package expr

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/row"
)

var byOrigin = []row.Column{{Name: "origin", Type: row.Text}}

func named(sources ...string) []Named {
	out := make([]Named, len(sources))
	for i, s := range sources {
		out[i] = Named{Name: string(rune('a' + i)), Source: s}
	}
	return out
}

func TestAggregatesHavePostgresTypes(t *testing.T) {
	scope := Scope{Columns: append(flights, row.Column{Name: "f", Type: row.Float8}, row.Column{Name: "small", Type: row.Int2})}
	for _, c := range []struct {
		source string
		f      AggFunc
		typ    row.Type
	}{
		{"count(*)", CountStar, row.Int8}, {"count(delay)", Count, row.Int8}, {"count('x')", Count, row.Int8}, {"sum(delay)", Sum, row.Int8}, {"sum(small)", Sum, row.Int8},
		{"sum(id)", Sum, row.Numeric}, {"sum(fare)", Sum, row.Numeric}, {"sum(f)", Sum, row.Float8}, {"avg(delay)", Avg, row.Numeric},
		{"avg(fare)", Avg, row.Numeric}, {"avg(f)", Avg, row.Float8}, {"min(delay)", Min, row.Int4}, {"max(origin)", Max, row.Text}, {"max(date)", Max, row.TimestampTZ},
		{"min(tags)", Min, row.ArrayOf(row.Text)},
	} {
		a, errs := CompileAggregation(named(c.source), scope, byOrigin, nil)
		require.Empty(t, errs, c.source)
		require.Len(t, a.Aggs, 1)
		require.Equal(t, c.f, a.Aggs[0].Func, c.source)
		require.Equal(t, c.typ, a.Aggs[0].Type, c.source)
		require.Equal(t, c.typ, a.Results[0].Type, c.source)
		require.Equal(t, []int{1}, a.Results[0].Slots, c.source)
		require.Equal(t, c.f == CountStar, a.Aggs[0].Arg == nil, c.source)
	}
}

func TestEqualAggregatesAreComputedOnce(t *testing.T) {
	a, errs := CompileAggregation(named("sum(delay)", "sum( delay ) / count(*)", "count(*) + sum(delay) filter (where ok)", "sum(delay) FILTER (WHERE ok)"), Scope{Columns: flights}, byOrigin, nil)
	require.Empty(t, errs)
	require.Len(t, a.Aggs, 3)
	require.NotNil(t, a.Aggs[2].Filter)
	require.Equal(t, []int{1, 2}, a.Results[1].Slots)
	require.Equal(t, []int{2, 3}, a.Results[2].Slots)
	require.Equal(t, []int{3}, a.Results[3].Slots)
}

func TestStateAndKeysHaveTheirSlotsBeforeTheAggregates(t *testing.T) {
	state := []row.Column{{Name: "n", Type: row.Int8}, {Name: "last", Type: row.TimestampTZ}}
	a, errs := CompileAggregation(named("coalesce(state.n, 0) + count(*)", "greatest(state.last, max(date))", "upper(origin)"), Scope{Columns: flights}, byOrigin, state)
	require.Empty(t, errs)
	require.Equal(t, []int{1, 3}, a.Results[0].Slots)
	require.Equal(t, []int{2, 4}, a.Results[1].Slots)
	require.Equal(t, []int{0}, a.Results[2].Slots)
	e := Env{Row: []row.Value{row.OfText("x"), row.NullValue, row.NullValue, row.OfInt(5), row.OfInt(9)}}
	require.Equal(t, row.OfInt(5), a.Results[0].Value(&e))
	require.Equal(t, row.OfInt(9), a.Results[1].Value(&e))
}

func TestWhatAnAggregationRefuses(t *testing.T) {
	for _, c := range []struct{ source, at, msg, cure string }{
		{"delay", "delay", `column "delay" must appear in the key or be used in an aggregate function`, "max(delay)"},
		{"sum(delay) + id", "id", `column "id" must appear in the key or be used in an aggregate function`, "key"},
		{"sum(count(*))", "count(*)", "aggregate function calls cannot be nested", "next"},
		{"count(distinct delay)", "count(distinct delay)", "DISTINCT in aggregates: not in this version", "distinct"},
		{"sum(dely)", "dely", `column "dely" does not exist`, "did you mean delay?"},
		{"sum(origin)", "sum(origin)", "function sum(text) does not exist", "cast"},
		{"sum(*)", "sum(*)", "function sum() does not exist", "sum(x)"},
		{"max(ok)", "max(ok)", "function max(boolean) does not exist", "cast"},
		{"count(*) filter (where delay)", "delay", "argument of FILTER must be type boolean, not type integer", "compare"},
		{"lower(origin) filter (where ok)", "lower(origin) filter (where ok)", "FILTER specified, but lower is not an aggregate function", "CASE"},
		{"state.n", "state.n", "there is no state here", "state: {n: bigint}"},
		{"string_agg(origin)", "string_agg", "not in this version", ""},
		{"orign", "orign", `column "orign" does not exist`, "did you mean origin?"},
	} {
		_, errs := CompileAggregation(named("count(*)", c.source), Scope{Columns: flights}, byOrigin, nil)
		require.Len(t, errs, 1, c.source)
		require.NotEmpty(t, errs[1], c.source)
		e := errs[1][0]
		require.Contains(t, e.Msg, c.msg, c.source)
		require.Contains(t, e.Cure, c.cure, c.source)
		require.Equal(t, c.at, c.source[e.Pos:e.End], c.source)
	}
	_, errs := CompileAggregation(named("state.m"), Scope{Columns: flights}, byOrigin, []row.Column{{Name: "n", Type: row.Int8}})
	require.Equal(t, `column "state.m" does not exist`, errs[0][0].Msg)
}
