package row

// Type is a Postgres type. The high bit marks a one-dimensional array of the type below it.
type Type uint8

// The types a column can have.
const (
	Unknown     Type = iota // a bare NULL or an untyped string literal, before the checker has settled it
	Bool                    // boolean
	Int2                    // smallint
	Int4                    // integer
	Int8                    // bigint
	Float8                  // double precision
	Numeric                 // numeric
	Text                    // text
	Bytea                   // bytea
	Date                    // date
	Timestamp               // timestamp without time zone
	TimestampTZ             // timestamp with time zone
	Interval                // interval

	arrayBit Type = 0x80
)

// ArrayOf returns the type of one-dimensional arrays of t.
func ArrayOf(t Type) Type { return t | arrayBit }

// IsArray tells whether t is an array type.
func (t Type) IsArray() bool { return t&arrayBit != 0 }

// Elem returns the element type of an array type, and t itself otherwise.
func (t Type) Elem() Type { return t &^ arrayBit }

// Rep says which field of a Value carries a type's values.
type Rep uint8

// The representations.
const (
	RepInt   Rep = iota // N: the integer; bool as 0 or 1; date as days, timestamps as microseconds since 1970-01-01
	RepFloat            // N: math.Float64bits of the value
	RepText             // S: text, or the bytes of a bytea
	RepRef              // Ref: *apd.Decimal for numeric, Span for interval, []Value for arrays
)

// Rep returns the representation of t's values.
func (t Type) Rep() Rep {
	switch t {
	case Float8:
		return RepFloat
	case Text, Bytea, Unknown:
		return RepText
	case Numeric, Interval:
		return RepRef
	}
	if t.IsArray() {
		return RepRef
	}
	return RepInt
}

var names = [...]string{
	Unknown: "unknown", Bool: "boolean", Int2: "smallint", Int4: "integer", Int8: "bigint", Float8: "double precision",
	Numeric: "numeric", Text: "text", Bytea: "bytea", Date: "date", Timestamp: "timestamp without time zone",
	TimestampTZ: "timestamp with time zone", Interval: "interval",
}

// String returns Postgres's own name of the type, as format_type gives it.
func (t Type) String() string {
	if int(t.Elem()) >= len(names) {
		return "invalid"
	}
	if t.IsArray() {
		return names[t.Elem()] + "[]"
	}
	return names[t]
}

var aliases = map[string]Type{
	"bool": Bool, "boolean": Bool, "smallint": Int2, "int2": Int2, "int": Int4, "integer": Int4, "int4": Int4, "bigint": Int8,
	"int8": Int8, "float8": Float8, "double precision": Float8, "float": Float8, "numeric": Numeric, "decimal": Numeric,
	"text": Text, "varchar": Text, "character varying": Text, "bytea": Bytea, "date": Date, "timestamp": Timestamp,
	"timestamp without time zone": Timestamp, "timestamptz": TimestampTZ, "timestamp with time zone": TimestampTZ, "interval": Interval,
}

// ParseType reads a type's name as SQL writes it, in lower case and with single spaces; "[]" after it makes an array.
func ParseType(name string) (Type, bool) {
	base, array := name, false
	if n := len(name); n > 2 && name[n-2:] == "[]" {
		base, array = name[:n-2], true
	}
	t, ok := aliases[base]
	if ok && array {
		t = ArrayOf(t)
	}
	return t, ok
}
