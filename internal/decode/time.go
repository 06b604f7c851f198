package decode

import (
	"github.com/millrace/millrace/internal/row"
)

const (
	microsPerSecond = 1_000_000
	secondsPerDay   = 86_400
)

// time reads dates, timestamps and intervals from strings: ISO 8601 by a short way without garbage, all else that Postgres reads by the
// long one.
func (d *objects) time(b []byte, i int, s *slot, out *row.Value) int {
	v, end := d.text(b, i, s)
	if end < 0 {
		return end
	}
	if n, ok := iso(v, s.typ); ok {
		*out = row.OfInt(n)
		return end
	}
	val, err := parse(row.String(v), s.typ)
	if err != nil {
		return d.refuse(s, err)
	}
	*out = val
	return end
}

// iso reads YYYY-MM-DD for a date, with THH:MM:SS[.ffffff] for a timestamp (a blank may stand for the T), and with Z or ±HH[:MM] for a
// timestamptz. ok is false for anything else, be it right or wrong.
func iso(b []byte, t row.Type) (n int64, ok bool) {
	days, ok := isoDate(b)
	switch {
	case !ok || t == row.Interval:
		return 0, false
	case t == row.Date:
		return days, len(b) == 10
	case len(b) < 19:
		return 0, false
	}
	micros, rest, ok := isoClock(b[10:])
	if !ok {
		return 0, false
	}
	n = days*secondsPerDay*microsPerSecond + micros
	if t == row.Timestamp {
		return n, len(rest) == 0
	}
	offset, ok := isoZone(rest)
	return n - offset*microsPerSecond, ok
}

// pair reads two digits; 100 or more if they are none.
func pair(b []byte) int {
	hi, lo := b[0]-'0', b[1]-'0'
	if hi > 9 || lo > 9 {
		return 100
	}
	return int(hi)*10 + int(lo)
}

// isoDate gives the days since 1970-01-01 of years 1 to 9999.
func isoDate(b []byte) (days int64, ok bool) {
	if len(b) < 10 || b[4] != '-' || b[7] != '-' {
		return 0, false
	}
	century, year, month, day := pair(b), pair(b[2:]), pair(b[5:]), pair(b[8:])
	if century > 99 || year > 99 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	y := century*100 + year
	if y == 0 || day > daysIn(y, month) {
		return 0, false
	}
	return civil(int64(y), int64(month), int64(day)), true
}

func daysIn(year, month int) int {
	switch {
	case month == 2 && (year%4 == 0 && year%100 != 0 || year%400 == 0):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}

// civil counts days from 1970-01-01 in the proleptic Gregorian calendar. Years begin in March here, so that a leap day is the last.
func civil(y, m, d int64) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	ofYear := (153*(m-3)+2)/5 + d - 1
	return y*365 + y/4 - y/100 + y/400 + ofYear - 719468
}

// isoClock reads THH:MM:SS[.ffffff] and returns what follows.
func isoClock(b []byte) (micros int64, rest []byte, ok bool) {
	if b[0] != 'T' && b[0] != ' ' || b[3] != ':' || b[6] != ':' {
		return 0, nil, false
	}
	h, m, s := pair(b[1:]), pair(b[4:]), pair(b[7:])
	if h > 23 || m > 59 || s > 59 {
		return 0, nil, false
	}
	micros, rest = int64(h*3600+m*60+s)*microsPerSecond, b[9:]
	if len(rest) == 0 || rest[0] != '.' {
		return micros, rest, true
	}
	unit, i := int64(microsPerSecond), 1
	for ; i < len(rest) && rest[i]-'0' <= 9; i++ {
		unit /= 10
		micros += int64(rest[i]-'0') * unit
	}
	return micros, rest[i:], i > 1 && i <= 7
}

// isoZone reads Z or ±HH[:MM] as seconds east.
func isoZone(b []byte) (seconds int64, ok bool) {
	if len(b) == 1 && b[0] == 'Z' {
		return 0, true
	}
	if len(b) != 3 && len(b) != 6 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	h, m := pair(b[1:]), 0
	if len(b) == 6 {
		if m = pair(b[4:]); b[3] != ':' {
			return 0, false
		}
	}
	if h > 15 || m > 59 {
		return 0, false
	}
	seconds = int64(h*3600 + m*60)
	if b[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}
