package pgnum

import (
	"errors"
	"fmt"
)

// Errors of evaluation, in Postgres's words. The expression has no value for this record; another record may have one.
var (
	ErrDivisionByZero  = errors.New("division by zero")
	ErrInt2Range       = errors.New("smallint out of range")
	ErrInt4Range       = errors.New("integer out of range")
	ErrInt8Range       = errors.New("bigint out of range")
	ErrFloatOverflow   = errors.New("value out of range: overflow")
	ErrFloatUnderflow  = errors.New("value out of range: underflow")
	ErrNumericOverflow = errors.New("value overflows numeric format")
	ErrFieldOverflow   = errors.New("numeric field overflow")
	ErrNegativeSqrt    = errors.New("cannot take square root of a negative number")
	ErrLogZero         = errors.New("cannot take logarithm of zero")
	ErrLogNegative     = errors.New("cannot take logarithm of a negative number")
	ErrNegativeToFrac  = errors.New("a negative number raised to a non-integer power yields a complex result")
	ErrZeroToNegative  = errors.New("zero raised to a negative power is undefined")
)

// ErrSyntax is Postgres's error for text that is not a value of a type.
func ErrSyntax(typ, s string) error {
	return fmt.Errorf("invalid input syntax for type %s: \"%s\"", typ, s)
}

func errRange(typ, s string) error {
	return fmt.Errorf("value \"%s\" is out of range for type %s", s, typ)
}
