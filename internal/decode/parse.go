package decode

import (
	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/row"
)

// parse reads a value's text as Postgres's input function of the type does. It is the long way, for what has no short one here.
func parse(s string, t row.Type) (row.Value, error) { return expr.ParseText(s, t) }
