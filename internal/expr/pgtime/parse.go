package pgtime

import (
	"fmt"

	"github.com/millrace/millrace/internal/row"
)

// The types' names in error messages.
const (
	nameDate  = "date"
	nameStamp = "timestamp"
	nameTZ    = "timestamp with time zone"
)

// ParseTimestampTZ reads a timestamptz. A text without a zone is in UTC. The ISO forms take no allocation.
func ParseTimestampTZ(s string) (int64, error) {
	if ts, ok := parseISO(s, true); ok {
		return ts, nil
	}
	return parseStamp(s, nameTZ)
}

// ParseTimestamp reads a timestamp without time zone. A zone in the text is read and ignored, as in Postgres.
func ParseTimestamp(s string) (int64, error) {
	if ts, ok := parseISO(s, false); ok {
		return ts, nil
	}
	return parseStamp(s, nameStamp)
}

// ParseDate reads a date. A time in the text is read and ignored, as in Postgres.
func ParseDate(s string) (int64, error) {
	if len(s) == 10 {
		if ts, ok := parseISO(s, false); ok {
			return floorDiv(ts, Day), nil
		}
	}
	f, special, err := parseFields(s, nameDate)
	if err != nil || special != 0 {
		return special, err
	}
	if f.special {
		return 0, nil
	}
	day := DaysOf(f.year, f.month, f.day)
	if day < minDay || day >= endDay {
		return 0, fmt.Errorf("date out of range: \"%s\"", s)
	}
	return day, nil
}

func parseStamp(s, typ string) (int64, error) {
	f, special, err := parseFields(s, typ)
	if err != nil || special != 0 {
		return special, err
	}
	if f.special {
		return 0, nil
	}
	micros := f.micros
	if typ == nameTZ {
		micros -= f.zone * Second
	}
	ts, ok := stamp(DaysOf(f.year, f.month, f.day), micros)
	if !ok {
		return 0, fmt.Errorf("timestamp out of range: \"%s\"", s)
	}
	return ts, nil
}

// two reads two digits; a value above 99 tells that they are not digits.
func two(s string, at int) int {
	a, b := s[at]-'0', s[at+1]-'0'
	if a > 9 || b > 9 {
		return 100
	}
	return int(a)*10 + int(b)
}

// parseISO reads YYYY-MM-DD, alone or with [ T]HH:MM:SS, a fraction of up to six digits and Z or ±HH[:MM]. Everything else, errors
// included, is left to the general parser.
func parseISO(s string, zoned bool) (int64, bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	century, yy, m, d := two(s, 0), two(s, 2), two(s, 5), two(s, 8)
	y := century*100 + yy
	if century > 99 || yy > 99 || y == 0 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, false
	}
	ts := DaysOf(y, m, d) * Day
	if len(s) == 10 {
		return ts, true
	}
	if len(s) < 19 || s[10] != 'T' && s[10] != ' ' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	hh, mm, ss := two(s, 11), two(s, 14), two(s, 17)
	if hh > 23 || mm > 59 || ss > 59 {
		return 0, false
	}
	ts += int64(hh)*Hour + int64(mm)*Minute + int64(ss)*Second
	frac, rest, ok := isoFraction(s[19:])
	if !ok {
		return 0, false
	}
	offset, ok := isoZone(rest)
	if zoned {
		frac -= offset
	}
	return ts + frac, ok
}

func isoFraction(s string) (micros int64, rest string, ok bool) {
	if s == "" || s[0] != '.' {
		return 0, s, true
	}
	unit, i := Second, 1
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		if i > 6 {
			return 0, "", false
		}
		unit /= 10
		micros += int64(s[i]-'0') * unit
	}
	return micros, s[i:], i > 1
}

func isoZone(s string) (offset int64, ok bool) {
	switch {
	case s == "" || s == "Z":
		return 0, true
	case s[0] != '+' && s[0] != '-' || len(s) != 3 && (len(s) != 6 || s[3] != ':'):
		return 0, false
	}
	hh, mm := two(s, 1), 0
	if len(s) == 6 {
		mm = two(s, 4)
	}
	if hh > 15 || mm > 59 {
		return 0, false
	}
	offset = int64(hh)*Hour + int64(mm)*Minute
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}

// special values of dates and timestamps; 0 stands for epoch and for none.
func specialWord(w string) (v int64, epoch, ok bool) {
	switch w {
	case "infinity":
		return row.PosInfinity, false, true
	case "-infinity":
		return row.NegInfinity, false, true
	case "epoch":
		return 0, true, true
	}
	return 0, false, false
}
