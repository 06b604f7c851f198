package sinks

import (
	"encoding/binary"
	"fmt"

	"github.com/millrace/millrace/internal/row"
)

// encodeArray writes a one-dimensional array whose elements fit the column's element type.
func encodeArray(dst []byte, v *row.Value, c *column) ([]byte, error) {
	elems := v.Array()
	if len(elems) == 0 {
		return appendArrayHeader(dst, 0, c.elem.typ.oid)[:len(dst)+12], nil // no dimensions, so no bounds
	}
	dst = appendArrayHeader(dst, len(elems), c.elem.typ.oid)
	for i := range elems {
		var err error
		dst, err = c.elem.appendField(dst, &elems[i])
		if err != nil {
			return dst, fmt.Errorf("element %d: %w", i+1, err)
		}
	}
	return dst, nil
}

// appendArrayHeader begins an array of n elements. Whether it has NULLs is not said: Postgres looks for itself.
func appendArrayHeader(dst []byte, n int, elem uint32) []byte {
	dimensions := uint32(1)
	if n == 0 {
		dimensions = 0
	}
	dst = binary.BigEndian.AppendUint32(dst, dimensions)
	dst = binary.BigEndian.AppendUint32(dst, 0)
	dst = binary.BigEndian.AppendUint32(dst, elem)
	dst = binary.BigEndian.AppendUint32(dst, uint32(n))
	return binary.BigEndian.AppendUint32(dst, 1)
}
