package pgtime

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/internal/row"
)

// Unit is a field of date_trunc, date_part and extract.
type Unit uint8

// The units. The first ones can be truncated to.
const (
	NoUnit Unit = iota
	Microseconds
	Milliseconds
	Seconds
	Minutes
	Hours
	Days
	Week
	Month
	Quarter
	Year
	Decade
	Century
	Millennium
	Epoch // from here on: extract only
	DOW
	ISODOW
	DOY
	ISOYear
	Julian
	Timezone
	TimezoneHour
	TimezoneMinute
)

var unitNames = func() map[string]Unit {
	m := map[string]Unit{}
	for unit, words := range [...]string{
		Microseconds: "microseconds microsecond us usec usecs usecond useconds microsecon", Milliseconds: "milliseconds millisecond ms msec msecs msecond mseconds millisecon",
		Seconds: "second seconds s sec secs", Minutes: "minute minutes m min mins", Hours: "hour hours h hr hrs", Days: "day days d",
		Week: "week weeks w", Month: "month months mon mons", Quarter: "quarter qtr", Year: "year years y yr yrs", Decade: "decade decades dec decs",
		Century: "century centuries c cent", Millennium: "millennium millennia mil mils", Epoch: "epoch", DOW: "dow", ISODOW: "isodow", DOY: "doy",
		ISOYear: "isoyear", Julian: "julian jd j", Timezone: "timezone", TimezoneHour: "timezone_hour timezone_h", TimezoneMinute: "timezone_minute timezone_m",
	} {
		for _, w := range strings.Fields(words) {
			m[w] = Unit(unit)
		}
	}
	return m
}()

// UnitOf reads a unit's name for a type; the type is only for the error.
func UnitOf(name, typ string) (Unit, error) {
	if u, ok := unitNames[name]; ok {
		return u, nil
	}
	if u, ok := unitNames[strings.ToLower(name)]; ok {
		return u, nil
	}
	return NoUnit, fmt.Errorf("unit \"%s\" not recognized for type %s", name, typ)
}

func unsupported(u Unit, typ string) error {
	return fmt.Errorf("unit \"%s\" not supported for type %s", canonical(u), typ)
}

// noTrunc: the units that only extract knows are not known to date_trunc at all.
func noTrunc(u Unit, typ string) error {
	if u >= Epoch && u < Timezone {
		return fmt.Errorf("unit \"%s\" not recognized for type %s", canonical(u), typ)
	}
	return unsupported(u, typ)
}

// Trunc cuts a timestamp down to a unit.
func Trunc(u Unit, ts int64, typ string) (int64, error) {
	if Infinite(ts) {
		return ts, nil
	}
	switch u {
	case Microseconds:
		return ts, nil
	case Milliseconds:
		return floorDiv(ts, Milli) * Milli, nil
	case Seconds:
		return floorDiv(ts, Second) * Second, nil
	case Minutes:
		return floorDiv(ts, Minute) * Minute, nil
	case Hours:
		return floorDiv(ts, Hour) * Hour, nil
	case Days:
		return floorDiv(ts, Day) * Day, nil
	}
	day, _ := split(ts)
	day, ok := truncDay(u, day)
	if !ok {
		return 0, noTrunc(u, typ)
	}
	out, ok := stamp(day, 0)
	if !ok {
		return 0, ErrTimestampRange
	}
	return out, nil
}

func truncDay(u Unit, day int64) (int64, bool) {
	y, m, _ := DateOf(day)
	switch u {
	case Week:
		return day - int64(isoWeekday(day)-1), true
	case Month:
		return DaysOf(y, m, 1), true
	case Quarter:
		return DaysOf(y, (m-1)/3*3+1, 1), true
	case Year:
		return DaysOf(y, 1, 1), true
	case Decade:
		return DaysOf(int(floorDiv(int64(y), 10))*10, 1, 1), true
	case Century:
		return DaysOf(int(floorDiv(int64(y-1), 100))*100+1, 1, 1), true
	case Millennium:
		return DaysOf(int(floorDiv(int64(y-1), 1000))*1000+1, 1, 1), true
	}
	return 0, false
}

// isoWeekday is 1 for Monday to 7 for Sunday.
func isoWeekday(day int64) int { return int((day+3)-floorDiv(day+3, 7)*7) + 1 }

// TruncSpan cuts an interval down to a unit, towards zero.
func TruncSpan(u Unit, s row.Span) (row.Span, error) {
	clock := map[Unit]int64{Microseconds: 1, Milliseconds: Milli, Seconds: Second, Minutes: Minute, Hours: Hour}
	months := map[Unit]int32{Month: 1, Quarter: 3, Year: 12, Decade: 120, Century: 1200, Millennium: 12000}
	switch {
	case clock[u] != 0:
		s.Micros -= s.Micros % clock[u]
		return s, nil
	case u == Days:
		s.Micros = 0
		return s, nil
	case months[u] != 0:
		return row.Span{Months: s.Months - s.Months%months[u]}, nil
	}
	return row.Span{}, noTrunc(u, "interval")
}
