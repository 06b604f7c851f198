package pgtime

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// fields is what a text of a date or timestamp says.
type fields struct {
	year, month, day int
	micros           int64 // of the day
	zone             int64 // seconds east of Greenwich
	special          bool  // epoch

	haveYear, haveMonth, haveDay, haveTime, haveZone bool
	bc                                               bool
	half                                             byte // 'a' or 'p'
	yearDigits                                       int
	typ, text                                        string
}

func (f *fields) bad() error {
	return fmt.Errorf("invalid input syntax for type %s: \"%s\"", f.typ, f.text)
}

func (f *fields) outOfRange() error {
	return fmt.Errorf("date/time field value out of range: \"%s\"", f.text)
}

// parseFields reads the forms that Postgres's ParseDateTime and DecodeDateTime take, but for zone names, Julian days and ISO weeks.
func parseFields(s, typ string) (fields, int64, error) {
	f := fields{typ: typ, text: s}
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == ' ' || r == ',' || r >= '\t' && r <= '\r' })
	if len(words) == 1 {
		if v, epoch, ok := specialWord(words[0]); ok {
			f.special = epoch
			return f, v, nil
		}
	}
	for _, w := range words {
		if err := f.word(w); err != nil {
			return f, 0, err
		}
	}
	return f, 0, f.finish()
}

func (f *fields) word(w string) error {
	c := w[0]
	switch {
	case c >= '0' && c <= '9':
		return f.number(w)
	case (c == '+' || c == '-') && f.haveTime && len(w) > 1:
		return f.zoneOffset(w)
	case c >= 'a' && c <= 'z':
		return f.name(w)
	}
	return f.bad()
}

// number reads a word that begins with a digit: a time, a date, or both with a T between them.
func (f *fields) number(w string) error {
	if i := strings.IndexByte(w, 't'); i > 0 && i+1 < len(w) && isDigit(w[i+1]) && isDigit(w[i-1]) {
		if err := f.number(w[:i]); err != nil {
			return err
		}
		return f.number(w[i+1:])
	}
	run := 0
	for run < len(w) && isDigit(w[run]) {
		run++
	}
	switch {
	case run == len(w):
		return f.digits(w)
	case w[run] == ':':
		return f.clock(w)
	case w[run] == '-' || w[run] == '/' || w[run] == '.' && strings.Count(w, ".") == 2:
		if f.haveYear && f.haveDay && w[run] == '-' { // 040506-08
			if err := f.digits(w[:run]); err != nil {
				return err
			}
			return f.zoneOffset(w[run:])
		}
		return f.date(w, w[run])
	case w[run] == '.' || w[run] == '+' || w[run] == 'z':
		return f.compactTime(w, run)
	}
	return f.suffixed(w, run)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// suffixed reads digits with letters glued to them: 10am, 8jan, 5bc.
func (f *fields) suffixed(w string, run int) error {
	switch w[run:] {
	case "am", "pm":
		if f.haveTime || run > 2 {
			return f.bad()
		}
		h, _ := strconv.Atoi(w[:run]) // at most two digits
		f.micros, f.haveTime, f.half = int64(h)*Hour, true, w[run]
		return nil
	}
	if err := f.digits(w[:run]); err != nil {
		return err
	}
	return f.name(w[run:])
}

// compactTime reads 040506.789 and 040506+02 after a date.
func (f *fields) compactTime(w string, run int) error {
	if !f.haveDay || f.haveTime || run != 6 && run != 4 {
		return f.bad()
	}
	clock := w[:2] + ":" + w[2:4]
	if run == 6 {
		clock += ":" + w[4:6]
	}
	return f.clock(clock + w[run:])
}

// digits reads a run of digits that stands alone; what it is depends on what is there already.
func (f *fields) digits(w string) error {
	n, err := strconv.Atoi(w)
	switch {
	case err != nil:
		return f.outOfRange()
	case !f.haveMonth && !f.haveDay && !f.haveYear && (len(w) == 8 || len(w) == 6):
		cut := len(w) - 4
		return f.ymd(w[:cut], w[cut:cut+2], w[cut+2:])
	case f.haveMonth && f.haveDay && f.haveYear && !f.haveTime && (len(w) == 6 || len(w) == 4):
		return f.compactTime(w, len(w))
	case f.haveMonth && !f.haveDay && len(w) <= 2:
		f.day, f.haveDay = n, true
	case !f.haveYear && (f.haveMonth || len(w) >= 3):
		return f.setYear(w)
	case !f.haveDay && len(w) <= 2:
		f.day, f.haveDay = n, true
	default:
		return f.bad()
	}
	return nil
}

func (f *fields) setYear(w string) error {
	n, err := strconv.Atoi(w)
	if err != nil {
		return f.outOfRange()
	}
	f.year, f.haveYear, f.yearDigits = n, true, len(w)
	return nil
}

func (f *fields) ymd(y, m, d string) error {
	f.month, _ = strconv.Atoi(m) // two digits
	f.day, _ = strconv.Atoi(d)
	f.haveMonth, f.haveDay = true, true
	return f.setYear(y)
}

// date reads three parts with a separator: y-m-d when the first has three digits or more, else m-d-y; a month may be a name.
func (f *fields) date(w string, sep byte) error {
	parts := strings.Split(w, string(sep))
	if f.haveDay || f.haveYear {
		return f.bad()
	}
	if len(parts) > 3 && sep == '-' { // 2001-02-03-05: a zone
		rest := strings.Join(parts[3:], "-")
		if err := f.date(strings.Join(parts[:3], "-"), sep); err != nil {
			return err
		}
		return f.zoneOffset("-" + rest)
	}
	if len(parts) != 3 {
		return f.bad()
	}
	if i := strings.IndexByte(parts[2], '+'); i > 0 {
		if err := f.zoneOffset(parts[2][i:]); err != nil {
			return err
		}
		parts[2] = parts[2][:i]
	}
	return f.dateParts(parts)
}

func (f *fields) dateParts(parts []string) error {
	y, m, d := parts[2], parts[0], parts[1]
	switch {
	case isMonth(parts[1]) && len(parts[0]) >= 3:
		y, m, d = parts[0], parts[1], parts[2]
	case isMonth(parts[1]):
		m, d = parts[1], parts[0]
	case isMonth(parts[0]):
	case len(parts[0]) >= 3:
		y, m, d = parts[0], parts[1], parts[2]
	}
	if isMonth(m) {
		m = strconv.Itoa(months[m[:3]])
	}
	for _, p := range []string{y, m, d} {
		if p == "" || strings.Trim(p, "0123456789") != "" {
			return f.bad()
		}
	}
	if len(m) > 2 || len(d) > 2 {
		return f.outOfRange()
	}
	return f.ymd(y, m, d)
}

// clock reads HH:MM[:SS[.fraction]] with a zone glued to it.
func (f *fields) clock(w string) error {
	if f.haveTime {
		return f.bad()
	}
	end := strings.IndexFunc(w, func(r rune) bool { return r != ':' && r != '.' && (r < '0' || r > '9') })
	rest := ""
	if end >= 0 {
		w, rest = w[:end], w[end:]
	}
	micros, ok, inRange := clockMicros(w)
	switch {
	case !ok:
		return f.bad()
	case !inRange:
		return f.outOfRange()
	}
	f.micros, f.haveTime = micros, true
	switch {
	case rest == "":
		return nil
	case rest[0] == '+' || rest[0] == '-':
		return f.zoneOffset(rest)
	}
	return f.name(rest)
}

// clockMicros reads a time of day: up to 24:00:00, and a second 60.
func clockMicros(w string) (micros int64, ok, inRange bool) {
	parts := strings.Split(w, ":")
	if len(parts) > 3 || parts[0] == "" || parts[1] == "" {
		return 0, false, false
	}
	h, err1 := strconv.Atoi(parts[0])
	m, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil {
		return 0, false, false
	}
	var sec float64
	if len(parts) == 3 {
		if s := parts[2]; s == "" || s[0] == '.' {
			return 0, false, false
		}
		var err error
		if sec, err = strconv.ParseFloat(parts[2], 64); err != nil {
			return 0, false, false
		}
	}
	whole := math.Floor(sec)
	micros = int64(h)*Hour + int64(m)*Minute + int64(whole)*Second + int64(math.RoundToEven((sec-whole)*1e6))
	return micros, true, h <= 24 && m <= 59 && sec <= 60 && micros <= Day
}
