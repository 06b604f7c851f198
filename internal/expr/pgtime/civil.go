package pgtime

import (
	"errors"

	"github.com/millrace/millrace/internal/row"
)

// Units in microseconds.
const (
	Milli  = int64(1000)
	Second = 1000 * Milli
	Minute = 60 * Second
	Hour   = 60 * Minute
	Day    = 24 * Hour
)

// Bounds of the types: from 4714-11-24 BC, as in Postgres; dates to 5874897-12-31, as in Postgres. Timestamps end with the last whole day
// that fits into microseconds since 1970, 294247-01-09; Postgres, which counts from 2000, goes on for thirty years.
const (
	minDay       = -2440588
	endDay       = 2145042906
	endStampDay  = 106751991
	minTimestamp = minDay * Day
)

// Errors of evaluation, in Postgres's words.
var (
	ErrTimestampRange  = errors.New("timestamp out of range")
	ErrDateRange       = errors.New("date out of range")
	ErrIntervalRange   = errors.New("interval out of range")
	ErrSubtractInf     = errors.New("cannot subtract infinite timestamps")
	ErrSubtractInfDate = errors.New("cannot subtract infinite dates")
	ErrDivisionByZero  = errors.New("division by zero")
)

// DaysOf returns the days since 1970-01-01 of a date in the proleptic Gregorian calendar; year 0 is 1 BC.
func DaysOf(y, m, d int) int64 {
	year := int64(y)
	if m <= 2 {
		year--
	}
	era := floorDiv(year, 400)
	yoe := year - era*400
	doy := int64((153*((m+9)%12)+2)/5 + d - 1)
	return era*146097 + yoe*365 + yoe/4 - yoe/100 + doy - 719468
}

// DateOf is the inverse of DaysOf.
func DateOf(days int64) (y, m, d int) {
	days += 719468
	era := floorDiv(days, 146097)
	doe := days - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d, m = int(doy-(153*mp+2)/5+1), int(mp+3)
	y = int(yoe + era*400)
	if m > 12 {
		m -= 12
		y++
	}
	return y, m, d
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// split cuts a timestamp into its day and the microseconds of that day.
func split(ts int64) (day, micros int64) {
	day = floorDiv(ts, Day)
	return day, ts - day*Day
}

func leap(y int) bool { return y%4 == 0 && (y%100 != 0 || y%400 == 0) }

func daysIn(y, m int) int {
	if m == 2 && leap(y) {
		return 29
	}
	return [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[m-1]
}

// Infinite tells whether a date or timestamp is one of the infinities.
func Infinite(v int64) bool { return v == row.PosInfinity || v == row.NegInfinity }

// stamp joins a day and microseconds, refusing what a timestamp cannot hold.
func stamp(day, micros int64) (int64, bool) {
	if day < minDay-1 || day >= endStampDay {
		return 0, false
	}
	ts := day*Day + micros
	return ts, ts >= minTimestamp
}

// DateToTimestamp gives midnight of a date.
func DateToTimestamp(day int64) (int64, error) {
	if Infinite(day) {
		return day, nil
	}
	ts, ok := stamp(day, 0)
	if !ok {
		return 0, errors.New("date out of range for timestamp")
	}
	return ts, nil
}

// TimestampToDate gives the day of a timestamp.
func TimestampToDate(ts int64) int64 {
	if Infinite(ts) {
		return ts
	}
	return floorDiv(ts, Day)
}
