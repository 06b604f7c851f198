package pgtime

import (
	"fmt"
	"strconv"
	"strings"
)

var months = map[string]int{"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}

var longMonths = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}

func isMonth(w string) bool {
	if len(w) < 3 || months[w[:3]] == 0 {
		return false
	}
	return len(w) == 3 || w == "sept" || longMonths[months[w[:3]]-1] == w
}

var weekdays = map[string]bool{
	"mon": true, "monday": true, "tue": true, "tues": true, "tuesday": true, "wed": true, "weds": true, "wednesday": true, "thu": true,
	"thur": true, "thurs": true, "thursday": true, "fri": true, "friday": true, "sat": true, "saturday": true, "sun": true, "sunday": true,
}

// name reads a word of letters: a month, a day of the week, AM, PM, BC, AD, or a zone.
func (f *fields) name(w string) error {
	switch sep := strings.IndexAny(w, "-/"); {
	case sep >= 3 && isMonth(w[:sep]):
		return f.date(w, w[sep])
	case isMonth(w):
		return f.monthName(w)
	case weekdays[w]:
		return nil
	case w == "am" || w == "pm":
		if !f.haveTime || f.half != 0 {
			return f.bad()
		}
		f.half = w[0]
		return nil
	case w == "bc" || w == "ad":
		f.bc = w == "bc"
		return nil
	case w == "z" || w == "utc" || w == "gmt" || w == "zulu" || w == "ut":
		if f.haveZone {
			return f.bad()
		}
		f.haveZone = true
		return nil
	case w == "t" && f.haveDay && !f.haveTime:
		return nil
	case w == "now" || w == "today" || w == "tomorrow" || w == "yesterday":
		return fmt.Errorf("%q depends on the clock: use now(), which is the batch time", w)
	}
	return f.bad()
}

func (f *fields) monthName(w string) error {
	n := months[w[:3]]
	if f.haveMonth && !f.haveDay && f.month <= 31 { // "8 January": what was taken for a month is the day
		f.day, f.haveDay, f.haveMonth = f.month, true, false
	}
	if f.haveMonth {
		return f.bad()
	}
	f.month, f.haveMonth = n, true
	return nil
}

// zoneOffset reads ±H, ±HH, ±HHMM, ±HH:MM and ±HH:MM:SS.
func (f *fields) zoneOffset(w string) error {
	if f.haveZone {
		return f.bad()
	}
	parts := strings.Split(w[1:], ":")
	if len(parts) == 1 && len(w) == 5 {
		parts = []string{w[1:3], w[3:]}
	}
	total, unit := int64(0), int64(3600)
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || len(p) > 2 || i > 2 {
			return f.bad()
		}
		if i > 0 && n > 59 || i == 0 && n > 15 {
			return fmt.Errorf("time zone displacement out of range: \"%s\"", f.text)
		}
		total += int64(n) * unit
		unit /= 60
	}
	if w[0] == '-' {
		total = -total
	}
	f.zone, f.haveZone = total, true
	return nil
}

// finish checks that a whole date is there and that its parts are within their bounds.
func (f *fields) finish() error {
	if !f.haveYear || !f.haveMonth || !f.haveDay {
		return f.bad()
	}
	if f.yearDigits <= 2 && !f.bc {
		if f.year < 70 {
			f.year += 2000
		} else if f.year < 100 {
			f.year += 1900
		}
	}
	if f.year == 0 {
		return f.outOfRange()
	}
	if f.bc {
		f.year = 1 - f.year
	}
	if f.year > 5874898 || f.month < 1 || f.month > 12 || f.day < 1 || f.day > daysIn(f.year, f.month) {
		return f.outOfRange()
	}
	return f.halfDay()
}

func (f *fields) halfDay() error {
	if f.half == 0 {
		return nil
	}
	hour := f.micros / Hour
	switch {
	case hour > 12 || hour == 0 && f.half == 'p' && f.micros >= Hour:
		return f.outOfRange()
	case f.half == 'a' && hour == 12:
		f.micros -= 12 * Hour
	case f.half == 'p' && hour != 12:
		f.micros += 12 * Hour
	}
	return nil
}
