package pgtime

import (
	"math"

	"github.com/millrace/millrace/internal/row"
)

// Part is what extract gives: N * 10^-Scale, or NULL, or an infinity. Float is what date_part gives, which Postgres computes apart.
type Part struct {
	N        int64
	Scale    int
	Float    float64
	Null     bool
	Infinite int   // -1, 1, or 0 for none
	Seconds  int64 // to be added, of an interval's epoch: together they need not fit into N
	Julian   bool  // N is days and Float holds the day's part; the numeric is N + micros/86400000000
	Micros   int64
}

func whole(n int64) Part { return Part{N: n, Float: float64(n)} }

var canonicalNames = [...]string{
	NoUnit: "", Microseconds: "microseconds", Milliseconds: "milliseconds", Seconds: "second", Minutes: "minute", Hours: "hour", Days: "day",
	Week: "week", Month: "month", Quarter: "quarter", Year: "year", Decade: "decade", Century: "century", Millennium: "millennium", Epoch: "epoch",
	DOW: "dow", ISODOW: "isodow", DOY: "doy", ISOYear: "isoyear", Julian: "julian", Timezone: "timezone", TimezoneHour: "timezone_hour",
	TimezoneMinute: "timezone_minute",
}

func canonical(u Unit) string { return canonicalNames[u] }

// ofInfinite: fields that grow for ever are infinite, the others NULL.
func ofInfinite(u Unit, v int64) Part {
	switch u {
	case Year, Decade, Century, Millennium, Julian, ISOYear, Epoch:
		sign := 1
		if v == row.NegInfinity {
			sign = -1
		}
		return Part{Infinite: sign, Float: math.Inf(sign)}
	}
	return Part{Null: true}
}

// Extract takes a field of a timestamp; zoned says that it is a timestamptz.
func Extract(u Unit, ts int64, zoned bool) (Part, error) {
	if Infinite(ts) {
		return ofInfinite(u, ts), nil
	}
	day, micros := split(ts)
	switch u {
	case Epoch:
		return Part{N: ts, Scale: 6, Float: float64(ts) / 1e6}, nil
	case Timezone, TimezoneHour, TimezoneMinute:
		if zoned {
			return whole(0), nil
		}
		return Part{}, unsupported(u, "timestamp without time zone")
	case Julian:
		sec, frac := float64(micros/Second), float64(micros%Second)/1e6
		return Part{N: day + julianOf1970, Micros: micros, Julian: true, Float: float64(day+julianOf1970) + (sec+frac)/secsPerDay}, nil
	}
	if p, ok := clockPart(u, micros); ok {
		return p, nil
	}
	if p, ok := dayPart(u, day); ok {
		return p, nil
	}
	name := "timestamp without time zone"
	if zoned {
		name = nameTZ
	}
	return Part{}, unsupported(u, name)
}

const julianOf1970 = 2440588

// ExtractDate takes a field of a date.
func ExtractDate(u Unit, day int64) (Part, error) {
	if p, ok := dayPart(u, 0); !ok && u != Epoch && u != Julian {
		return p, unsupported(u, nameDate)
	}
	switch {
	case Infinite(day):
		return ofInfinite(u, day), nil
	case u == Epoch:
		return whole(day * secsPerDay), nil
	case u == Julian:
		return whole(day + julianOf1970), nil
	}
	p, _ := dayPart(u, day)
	return p, nil
}

func clockPart(u Unit, micros int64) (Part, bool) {
	frac := micros % Second
	sec := micros / Second % 60
	if micros < 0 {
		sec = -(-micros / Second % 60)
	}
	switch u {
	case Microseconds:
		return whole(sec*Second + frac), true
	case Milliseconds:
		return Part{N: sec*Second + frac, Scale: 3, Float: float64(sec)*1000 + float64(frac)/1000}, true
	case Seconds:
		return Part{N: sec*Second + frac, Scale: 6, Float: float64(sec) + float64(frac)/1e6}, true
	case Minutes:
		return whole(micros / Minute % 60), true
	case Hours:
		return whole(micros / Hour), true
	}
	return Part{}, false
}

func dayPart(u Unit, day int64) (Part, bool) {
	y, m, d := DateOf(day)
	switch u {
	case Days:
		return whole(int64(d)), true
	case Month:
		return whole(int64(m)), true
	case Quarter:
		return whole(int64((m-1)/3 + 1)), true
	case Week:
		_, w := isoWeek(day)
		return whole(w), true
	case ISOYear:
		iy, _ := isoWeek(day)
		return whole(shown(iy)), true
	case Year:
		return whole(shown(int64(y))), true
	case Decade:
		return whole(floorDiv(int64(y), 10)), true
	case Century:
		return whole(ordinal(int64(y), 100)), true
	case Millennium:
		return whole(ordinal(int64(y), 1000)), true
	case DOW:
		return whole(int64(isoWeekday(day) % 7)), true
	case ISODOW:
		return whole(int64(isoWeekday(day))), true
	case DOY:
		return whole(day - DaysOf(y, 1, 1) + 1), true
	}
	return Part{}, false
}

// shown leaves out the year 0.
func shown(y int64) int64 {
	if y <= 0 {
		return y - 1
	}
	return y
}

// ordinal counts centuries and the like: from 1 on, and from -1 back.
func ordinal(y, n int64) int64 {
	if y > 0 {
		return (y + n - 1) / n
	}
	return -((n - 1 - (y - 1)) / n)
}

// isoWeek returns the ISO year and week of a day: those of its week's Thursday.
func isoWeek(day int64) (year, week int64) {
	thursday := day - int64(isoWeekday(day)) + 4
	y, _, _ := DateOf(thursday)
	return int64(y), (thursday-DaysOf(y, 1, 1))/7 + 1
}

// ExtractSpan takes a field of an interval.
func ExtractSpan(u Unit, s row.Span) (Part, error) {
	months, years := int64(s.Months%12), int64(s.Months/12)
	switch u {
	case Days:
		return whole(int64(s.Days)), nil
	case Month:
		return whole(months), nil
	case Quarter:
		return whole(months/3 + 1), nil
	case Year:
		return whole(years), nil
	case Decade:
		return whole(years / 10), nil
	case Century:
		return whole(years / 100), nil
	case Millennium:
		return whole(years / 1000), nil
	case Epoch:
		return spanEpoch(s), nil
	}
	if p, ok := clockPart(u, s.Micros); ok {
		return p, nil
	}
	return Part{}, unsupported(u, "interval")
}

// spanEpoch counts 365.25 days a year and 30 a month.
func spanEpoch(s row.Span) Part {
	years, months := int64(s.Months/12), int64(s.Months%12)
	secs := (4*36525*years/100 + 4*daysPerMonth*months + 4*int64(s.Days)) * (secsPerDay / 4)
	f := float64(s.Micros) / 1e6
	f += 365.25 * secsPerDay * float64(years)
	f += daysPerMonth * secsPerDay * float64(months)
	f += secsPerDay * float64(s.Days)
	return Part{Seconds: secs, N: s.Micros, Scale: 6, Float: f}
}
