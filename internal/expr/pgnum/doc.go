// Package pgnum is Postgres's arithmetic, text input and text output of integers, double precision and numeric.
//
//	N1  a numeric is an *apd.Decimal whose Exponent is minus its display scale: never positive, and zero is never negative.
//	N2  operands are never changed; every result is new.
//	N3  scales and rounding are Postgres's: half away from zero for numeric, half to even for double precision.
package pgnum
