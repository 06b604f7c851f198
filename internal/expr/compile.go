package expr

import "github.com/millrace/millrace/internal/row"

// Compile compiles one expression over the columns of a scope. Aggregates are refused.
func Compile(source string, scope Scope) (*Expr, []*Error) {
	return nil, []*Error{{Msg: "not in this version"}}
}

// CompileAggregation compiles value expressions over aggregates. Inside an aggregate's arguments and FILTER, names are the
// columns of scope; outside, they are the columns of keys and, written state.NAME, those of state (nil: there is no state). The
// errors are by index of values.
func CompileAggregation(values []Named, scope Scope, keys, state []row.Column) (*Aggregation, map[int][]*Error) {
	return nil, map[int][]*Error{0: {{Msg: "not in this version"}}}
}
