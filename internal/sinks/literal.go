package sinks

import (
	"fmt"

	"github.com/millrace/millrace/internal/expr"
	"github.com/millrace/millrace/internal/row"
)

// encodeArrayLiteral writes an array as Postgres's text has it. The elements are encoded first and thrown away: what does not fit is refused here,
// with the same words as by encodeArray.
func encodeArrayLiteral(dst []byte, v *row.Value, c *column) ([]byte, error) {
	start := len(dst)
	elems := v.Array()
	for i := range elems {
		var err error
		if dst, err = c.elem.appendField(dst, &elems[i]); err != nil {
			return dst, fmt.Errorf("element %d: %w", i+1, err)
		}
		dst = dst[:start]
	}
	return expr.AppendText(dst, *v, c.from), nil
}
