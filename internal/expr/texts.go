package expr

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/millrace/millrace/internal/row"
)

const (
	tText = row.Text
	tInt4 = row.Int4
	tBool = row.Bool
)

var textOperators = table{
	"~~":   {sig(likes(false, false), tText, tText, tBool)},
	"!~~":  {sig(likes(false, true), tText, tText, tBool)},
	"~~*":  {sig(likes(true, false), tText, tText, tBool)},
	"!~~*": {sig(likes(true, true), tText, tText, tBool)},
	"^@":   {sig(pure2(strings.HasPrefix), tText, tText, tBool)},
}

var textFunctions = table{
	"lower":        {sig(env1(lower), tText, tText)},
	"upper":        {sig(env1(upper), tText, tText)},
	"initcap":      {sig(env1(initcap), tText, tText)},
	"length":       {sig(pure1(countChars), tText, tInt4), sig(pure1(countBytes), row.Bytea, tInt4)},
	"char_length":  {sig(pure1(countChars), tText, tInt4)},
	"octet_length": {sig(pure1(countBytes), tText, tInt4), sig(pure1(countBytes), row.Bytea, tInt4)},
	"btrim":        {sig(pure1(func(s string) string { return strings.Trim(s, " ") }), tText, tText), sig(trims(true, true), tText, tText, tText)},
	"ltrim":        {sig(pure1(func(s string) string { return strings.TrimLeft(s, " ") }), tText, tText), sig(trims(true, false), tText, tText, tText)},
	"rtrim":        {sig(pure1(func(s string) string { return strings.TrimRight(s, " ") }), tText, tText), sig(trims(false, true), tText, tText, tText)},
	"substr":       substrings,
	"substring":    append([]overload{refused("use substr, or regexp_replace for a pattern", tText, tText, tText)}, substrings...),
	"split_part":   {sig(try3(splitPart), tText, tText, tInt4, tText)},
	"replace":      {sig(env3(replace), tText, tText, tText, tText)},
	"strpos":       {sig(pure2(position), tText, tText, tInt4)},
	"position":     {sig(pure2(position), tText, tText, tInt4)},
	"left":         {sig(pure2(leftChars), tText, tInt4, tText)},
	"right":        {sig(pure2(rightChars), tText, tInt4, tText)},
	"lpad":         {sig(spacePad(true), tText, tInt4, tText), sig(try3(padder(true)), tText, tInt4, tText, tText)},
	"rpad":         {sig(spacePad(false), tText, tInt4, tText), sig(try3(padder(false)), tText, tInt4, tText, tText)},
	"repeat":       {sig(try2(repeat), tText, tInt4, tText)},
	"reverse":      {sig(env1(reverse), tText, tText)},
	"starts_with":  {sig(pure2(strings.HasPrefix), tText, tText, tBool)},
	"md5":          {sig(env1(md5Hex), tText, tText), sig(env1(md5Hex), row.Bytea, tText)},
	"ascii":        {sig(pure1(ascii), tText, tInt4)},
	"chr":          {sig(try1(chr), tInt4, tText)},
	"like_escape":  {sig(try2(likeEscape), tText, tText, tText)},
	"translate":    {refused("use replace", tText, tText, tText, tText)},
	"format":       {refused("put it together with ||", tText, tText)},
}

var substrings = []overload{
	sig(pure2(func(s string, from int64) string { return substr(s, from, 1<<40) }), tText, tInt4, tText),
	sig(try3(func(_ *Env, s string, from, n int64) (string, error) {
		if n < 0 {
			return "", errors.New("negative substring length not allowed")
		}
		return substr(s, from, n), nil
	}), tText, tInt4, tInt4, tText),
}

// maxText bounds what one function may make of one record.
const maxText = 16 << 20

func countChars(s string) int64 { return int64(utf8.RuneCountInString(s)) }
func countBytes(s string) int64 { return int64(len(s)) }

// lower folds case by simple mapping. A text that is already in lower case ASCII is returned itself.
func lower(e *Env, s string) string {
	for i := range len(s) {
		if c := s[i]; c-'A' < 26 || c >= utf8.RuneSelf {
			return lowerFrom(e, s, i)
		}
	}
	return s
}

func lowerFrom(e *Env, s string, from int) string {
	out := e.Scratch.Alloc(len(s))
	copy(out, s[:from])
	for i := from; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			return mapRunes(e, s, unicode.ToLower)
		}
		if c-'A' < 26 {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return row.String(out)
}

// upper is lower's counterpart.
func upper(e *Env, s string) string {
	for i := range len(s) {
		if c := s[i]; c-'a' < 26 || c >= utf8.RuneSelf {
			return upperFrom(e, s, i)
		}
	}
	return s
}

func upperFrom(e *Env, s string, from int) string {
	out := e.Scratch.Alloc(len(s))
	copy(out, s[:from])
	for i := from; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			return mapRunes(e, s, unicode.ToUpper)
		}
		if c-'a' < 26 {
			c -= 'a' - 'A'
		}
		out[i] = c
	}
	return row.String(out)
}

// mapRunes maps every character. A mapping can make a character longer, by one byte at most.
func mapRunes(e *Env, s string, f func(rune) rune) string {
	out := e.Scratch.Alloc(len(s) + len(s)/2 + utf8.UTFMax)[:0]
	for _, r := range s {
		out = utf8.AppendRune(out, f(r))
	}
	return row.String(out)
}

// initcap makes the first letter of each run of letters and digits upper case, the others lower case.
func initcap(e *Env, s string) string {
	inWord := false
	return mapRunes(e, s, func(r rune) rune {
		f := unicode.ToUpper
		if inWord {
			f = unicode.ToLower
		}
		inWord = unicode.IsLetter(r) || unicode.IsDigit(r)
		return f(r)
	})
}

func trims(left, right bool) builder {
	return pure2(func(s, set string) string {
		if left {
			s = strings.TrimLeft(s, set)
		}
		if right {
			s = strings.TrimRight(s, set)
		}
		return s
	})
}

// skipChars returns the byte index after n characters.
func skipChars(s string, n int64) int {
	i := 0
	for ; n > 0 && i < len(s); n-- {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return i
}

// substr takes n characters from a 1-based place; places before the start count, as in Postgres.
func substr(s string, from, n int64) string {
	end := from + n
	if from < 1 {
		from = 1
	}
	if end <= from {
		return ""
	}
	s = s[skipChars(s, from-1):]
	return s[:skipChars(s, end-from)]
}

// leftChars takes the first n characters, or all but the last -n.
func leftChars(s string, n int64) string {
	if n < 0 {
		n = max(countChars(s)+n, 0)
	}
	return s[:skipChars(s, n)]
}

// rightChars takes the last n characters, or all but the first -n.
func rightChars(s string, n int64) string {
	if n < 0 {
		return s[skipChars(s, -n):]
	}
	return s[skipChars(s, max(countChars(s)-n, 0)):]
}

// position is 1-based and counts characters; 0 says that the part is not there.
func position(s, part string) int64 {
	i := strings.Index(s, part)
	if i < 0 {
		return 0
	}
	return countChars(s[:i]) + 1
}

// splitPart gives the n-th field, from the end if n is negative.
func splitPart(_ *Env, s, sep string, n int64) (string, error) {
	switch {
	case n == 0:
		return "", errors.New("field position must not be zero")
	case s == "":
		return "", nil
	case sep == "":
		if n == 1 || n == -1 {
			return s, nil
		}
		return "", nil
	case n < 0:
		return splitFromEnd(s, sep, -n), nil
	}
	for ; n > 1; n-- {
		i := strings.Index(s, sep)
		if i < 0 {
			return "", nil
		}
		s = s[i+len(sep):]
	}
	field, _, _ := strings.Cut(s, sep)
	return field, nil
}

// splitFromEnd counts fields first: separators are found from the left, as in Postgres.
func splitFromEnd(s, sep string, n int64) string {
	fields := int64(strings.Count(s, sep)) + 1
	if n > fields {
		return ""
	}
	for skip := fields - n; skip > 0; skip-- {
		s = s[strings.Index(s, sep)+len(sep):]
	}
	field, _, _ := strings.Cut(s, sep)
	return field
}

func replace(e *Env, s, from, to string) string {
	if from == "" || !strings.Contains(s, from) {
		return s
	}
	n := strings.Count(s, from)
	out := e.Scratch.Alloc(len(s) + n*(len(to)-len(from)))[:0]
	for {
		i := strings.Index(s, from)
		if i < 0 {
			return row.String(append(out, s...))
		}
		out = append(append(out, s[:i]...), to...)
		s = s[i+len(from):]
	}
}

func spacePad(left bool) builder {
	pad := padder(left)
	return try2(func(e *Env, s string, n int64) (string, error) { return pad(e, s, n, " ") })
}

func padder(left bool) func(e *Env, s string, n int64, fill string) (string, error) {
	return func(e *Env, s string, n int64, fill string) (string, error) {
		have := countChars(s)
		if n <= have || fill == "" {
			return leftChars(s, max(n, 0)), nil
		}
		if n*utf8.UTFMax > maxText {
			return "", errTooLong
		}
		missing, per := n-have, countChars(fill)
		tail := fill[:skipChars(fill, missing%per)]
		out := e.Scratch.Alloc(len(s) + int(missing/per)*len(fill) + len(tail))[:0]
		if !left {
			out = append(out, s...)
		}
		for range missing / per {
			out = append(out, fill...)
		}
		out = append(out, tail...)
		if left {
			out = append(out, s...)
		}
		return row.String(out), nil
	}
}

func repeat(e *Env, s string, n int64) (string, error) {
	n = max(n, 0)
	if int64(len(s))*n > maxText {
		return "", errTooLong
	}
	out := e.Scratch.Alloc(len(s) * int(n))[:0]
	for range n {
		out = append(out, s...)
	}
	return row.String(out), nil
}

func reverse(e *Env, s string) string {
	out := e.Scratch.Alloc(len(s))
	at := len(s)
	for i, r := range s {
		n := utf8.RuneLen(r)
		at -= n
		copy(out[at:], s[i:i+n])
	}
	return row.String(out)
}

func md5Hex(e *Env, s string) string {
	sum := md5.Sum(row.Bytes(s))
	out := e.Scratch.Alloc(hex.EncodedLen(len(sum)))
	hex.Encode(out, sum[:])
	return row.String(out)
}

func ascii(s string) int64 {
	if s == "" {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(s)
	return int64(r)
}

func chr(_ *Env, n int64) (string, error) {
	switch {
	case n < 0:
		return "", errors.New("character number must be positive")
	case n == 0:
		return "", errors.New("null character not permitted")
	case n > unicode.MaxRune || !utf8.ValidRune(rune(n)):
		return "", errors.New("requested character not valid for encoding")
	}
	return string(rune(n)), nil
}
