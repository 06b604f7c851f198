package sinks

import (
	"encoding/binary"
	"fmt"

	"github.com/millrace/millrace/internal/row"
)

// column is where one slot of a row goes, and how.
type column struct {
	name     string
	slot     int
	from     row.Type // of the slot
	typ      pgType   // of the table's column; a domain counts as what it is over
	typmod   int32    // -1: none
	key      bool     // K5 holds for it
	notNull  bool
	infinity bool // whether the server's numeric has infinities
	encode   encoder
	elem     *column // of an array; only its type, typmod and encode count
	literal  bool    // an array that travels as text, because an array of arrays would lose its inner bounds
}

// pgType names a type of Postgres.
type pgType struct {
	oid          uint32
	schema, name string
	kind         byte // pg_type.typtype: b base, e enum, …
}

// maxField bounds a field and so, nearly, a row: Postgres takes messages and values below 1 GiB.
const maxField = 1<<30 - 1<<16

// appendField appends the value with its length before it, as tuples of COPY and elements of arrays have it.
func (c *column) appendField(dst []byte, v *row.Value) ([]byte, error) {
	if v.Null {
		if c.notNull {
			return dst, ErrNull
		}
		return append(dst, 0xFF, 0xFF, 0xFF, 0xFF), nil
	}
	start := len(dst)
	dst, err := c.encode(append(dst, 0, 0, 0, 0), v, c)
	if err != nil {
		return dst, err
	}
	n := len(dst) - start - 4
	if n > maxField {
		return dst, fmt.Errorf("%w: %d bytes in one value", ErrTooLarge, n)
	}
	binary.BigEndian.PutUint32(dst[start:], uint32(n))
	return dst, nil
}

// precision and scale of numeric(p,s); a precision of zero is none.
func (c *column) precision() int {
	if c.typmod < 4 {
		return 0
	}
	return int((c.typmod-4)>>16) & 0xFFFF
}

func (c *column) scale() int {
	return int((c.typmod-4)&0x7FF^1024) - 1024 // eleven bits with a sign, since Postgres 15
}
