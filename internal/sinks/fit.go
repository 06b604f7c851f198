package sinks

import (
	"fmt"

	"github.com/millrace/millrace/internal/row"
)

// The types of Postgres that rows can be written to; enums and citext have no fixed oid.
const (
	oidBool        = 16
	oidBytea       = 17
	oidInt8        = 20
	oidInt2        = 21
	oidInt4        = 23
	oidText        = 25
	oidJSON        = 114
	oidFloat8      = 701
	oidBPChar      = 1042
	oidVarchar     = 1043
	oidDate        = 1082
	oidTimestamp   = 1114
	oidTimestampTZ = 1184
	oidInterval    = 1186
	oidNumeric     = 1700
	oidUUID        = 2950
	oidJSONB       = 3802
)

// pairs says which of our types go into which of Postgres's: the same, or where an assignment cannot change the meaning without an error. What
// rounds is left to numeric(p,s) and timestamp(p), whose declaration asks for it.
var pairs = map[row.Type]map[uint32]encoder{
	row.Bool:        {oidBool: encodeBool},
	row.Int2:        integers,
	row.Int4:        integers,
	row.Int8:        integers,
	row.Float8:      {oidFloat8: encodeFloat8},
	row.Numeric:     {oidNumeric: encodeNumeric, oidFloat8: encodeNumericAsFloat8},
	row.Text:        {oidText: encodeText, oidVarchar: encodeVarchar, oidBPChar: encodeChar, oidUUID: encodeUUID, oidJSON: encodeText, oidJSONB: encodeJSONB},
	row.Bytea:       {oidBytea: encodeBytea},
	row.Date:        {oidDate: encodeDate, oidTimestamp: encodeDateAsTimestamp},
	row.Timestamp:   {oidTimestamp: encodeTimestamp},
	row.TimestampTZ: {oidTimestampTZ: encodeTimestamp},
	row.Interval:    {oidInterval: encodeInterval},
}

var integers = map[uint32]encoder{oidInt2: encodeInt2, oidInt4: encodeInt4, oidInt8: encodeInt8, oidNumeric: encodeIntAsNumeric, oidFloat8: encodeIntAsFloat8}

// ours is the type of ours with the same values as one of Postgres's.
var ours = map[uint32]row.Type{
	oidBool: row.Bool, oidBytea: row.Bytea, oidInt8: row.Int8, oidInt2: row.Int2, oidInt4: row.Int4, oidText: row.Text, oidVarchar: row.Text,
	oidBPChar: row.Text, oidFloat8: row.Float8, oidDate: row.Date, oidTimestamp: row.Timestamp, oidTimestampTZ: row.TimestampTZ,
	oidInterval: row.Interval, oidNumeric: row.Numeric,
}

// encoderFor returns how a scalar of ours is written to a scalar of Postgres, or nil if it does not fit.
func encoderFor(from row.Type, to pgType) encoder {
	if from == row.Text && (to.kind == 'e' || to.name == "citext") {
		return encodeText
	}
	return pairs[from][to.oid]
}

// fit settles how a column is written, or says why it cannot be.
func (c *column) fit(t *tableColumn) *Problem {
	c.typ, c.typmod = t.typ, t.typmod
	to := t.typ
	if c.from.IsArray() != (t.elem.oid != 0) {
		return c.misfit(t)
	}
	if c.from.IsArray() {
		to = t.elem
		c.elem = &column{from: c.from.Elem(), typ: to, typmod: t.typmod, infinity: c.infinity}
		c.elem.encode = encoderFor(c.elem.from, to)
		c.encode = encodeArray
	} else {
		c.encode = encoderFor(c.from, to)
	}
	if c.encode == nil || c.elem != nil && c.elem.encode == nil {
		return c.misfit(t)
	}
	if to.oid == oidInterval && t.typmod != -1 {
		return &Problem{Column: c.name, Msg: fmt.Sprintf("%s would drop parts of an interval", t.typeName), Cure: "make the column interval"}
	}
	return nil
}

func (c *column) misfit(t *tableColumn) *Problem {
	return &Problem{
		Column: c.name, Msg: fmt.Sprintf("it is %s here and %s in the table", c.from, t.typeName), Cure: c.cure(t),
	}
}

// cure names the cast to write in the pipeline where there is one, and the type to give the column where there is none.
func (c *column) cure(t *tableColumn) string {
	array := t.elem.oid != 0
	scalar := t.typ
	if array {
		scalar = t.elem
	}
	target, ok := ours[scalar.oid]
	if !ok && encoderFor(row.Text, scalar) != nil {
		target, ok = row.Text, true // uuid, json, enums: through text
	}
	switch {
	case ok && array == c.from.IsArray():
		return fmt.Sprintf("add a cast: %s::%s", c.name, typeLike(target, array))
	case c.from.IsArray():
		return fmt.Sprintf("make the column %s, or flatMap the array", c.from)
	}
	return fmt.Sprintf("make the column %s", c.from)
}

func typeLike(t row.Type, array bool) string {
	if array {
		t = row.ArrayOf(t)
	}
	if t == row.TimestampTZ {
		return "timestamptz"
	}
	if t == row.Timestamp {
		return "timestamp"
	}
	return t.String()
}

// unfitKey says why a column cannot be part of a key (K5): equality in Postgres must be equality of what we send.
func (c *column) unfitKey(t *tableColumn) *Problem {
	p := &Problem{Column: c.name}
	switch {
	case c.from.IsArray():
		p.Msg, p.Cure = "an array cannot be part of a key", "make it text: array_to_string"
	case t.typ.oid == oidInterval:
		p.Msg, p.Cure = "an interval cannot be part of a key, as 1 month equals 30 days", "use text or a number of seconds"
	case t.typ.oid == oidJSON, t.typ.oid == oidJSONB:
		p.Msg, p.Cure = t.typeName+" cannot be part of a key", "make the column text"
	case t.typ.name == "citext":
		p.Msg, p.Cure = "citext cannot be part of a key", "make the column text and write lower("+c.name+")"
	case !t.deterministic:
		p.Msg, p.Cure = "its collation takes different texts as equal", `give the column COLLATE "C"`
	default:
		return nil
	}
	return p
}
