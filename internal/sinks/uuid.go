package sinks

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/internal/row"
)

const uuidBytes = 16

// encodeUUID reads the forms that Postgres reads: braces or none, upper or lower case, a hyphen or none after every four digits.
func encodeUUID(dst []byte, v *row.Value, _ *column) ([]byte, error) {
	s, braced := strings.CutPrefix(v.S, "{")
	for i := range uuidBytes {
		if len(s) < 2 || hexDigit[s[0]] < 0 || hexDigit[s[1]] < 0 {
			return dst, badUUID(v.S)
		}
		dst = append(dst, byte(hexDigit[s[0]]<<4|hexDigit[s[1]]))
		s = s[2:]
		if i%2 == 1 && i < uuidBytes-1 {
			s = strings.TrimPrefix(s, "-")
		}
	}
	if braced {
		s, braced = strings.CutPrefix(s, "}")
		if !braced {
			return dst, badUUID(v.S)
		}
	}
	if s != "" {
		return dst, badUUID(v.S)
	}
	return dst, nil
}

func badUUID(s string) error {
	if len(s) > 80 {
		s = s[:80]
	}
	return fmt.Errorf("%w for uuid: %q", ErrSyntax, s)
}

// hexDigit is the value of a hexadecimal digit, or -1.
var hexDigit = func() (t [256]int16) {
	for i := range t {
		t[i] = -1
	}
	for i := range int16(16) {
		t["0123456789abcdef"[i]] = i
		t["0123456789ABCDEF"[i]] = i
	}
	return t
}()
