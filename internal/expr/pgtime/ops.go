package pgtime

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/millrace/millrace/internal/row"
)

// Add adds an interval to a timestamp: its months first, the day held within the month, then its days, then its time.
func Add(ts int64, s row.Span) (int64, error) {
	if Infinite(ts) {
		return ts, nil
	}
	if s.Months == 0 && s.Days == 0 {
		sum := ts + s.Micros
		if (sum > ts) != (s.Micros > 0) || sum < minTimestamp || sum >= endStampDay*Day {
			return addSlow(ts, s)
		}
		return sum, nil
	}
	return addSlow(ts, s)
}

func addSlow(ts int64, s row.Span) (int64, error) {
	day, micros := split(ts)
	if s.Months != 0 {
		y, m, d := DateOf(day)
		months := int64(y)*12 + int64(m) - 1 + int64(s.Months)
		y, m = int(floorDiv(months, 12)), int(months-floorDiv(months, 12)*12)+1
		day = DaysOf(y, m, min(d, daysIn(y, m)))
		if _, ok := stamp(day, micros); !ok {
			return 0, ErrTimestampRange
		}
	}
	day += int64(s.Days)
	if _, ok := stamp(day, micros); !ok {
		return 0, ErrTimestampRange
	}
	more := floorDiv(s.Micros, Day)
	sum, ok := stamp(day+more, micros+s.Micros-more*Day)
	if !ok {
		return 0, ErrTimestampRange
	}
	return sum, nil
}

// Negate returns -s.
func Negate(s row.Span) (row.Span, error) {
	if s.Months == math.MinInt32 || s.Days == math.MinInt32 || s.Micros == math.MinInt64 {
		return row.Span{}, ErrIntervalRange
	}
	return row.Span{Months: -s.Months, Days: -s.Days, Micros: -s.Micros}, nil
}

// Sub subtracts an interval from a timestamp.
func Sub(ts int64, s row.Span) (int64, error) {
	n, err := Negate(s)
	if err != nil {
		return 0, ErrTimestampRange
	}
	return Add(ts, n)
}

// Diff returns the days and the time between two timestamps.
func Diff(x, y int64) (row.Span, error) {
	if Infinite(x) || Infinite(y) {
		return row.Span{}, ErrSubtractInf
	}
	d := x - y
	if (d < x) != (y > 0) {
		return row.Span{}, ErrIntervalRange
	}
	return row.Span{Days: int32(d / Day), Micros: d % Day}, nil
}

// AddSpan adds two intervals, part by part.
func AddSpan(x, y row.Span) (row.Span, error) {
	months, days := int64(x.Months)+int64(y.Months), int64(x.Days)+int64(y.Days)
	micros := x.Micros + y.Micros
	if months != int64(int32(months)) || days != int64(int32(days)) || (micros > x.Micros) != (y.Micros > 0) {
		return row.Span{}, ErrIntervalRange
	}
	return row.Span{Months: int32(months), Days: int32(days), Micros: micros}, nil
}

// SubSpan subtracts two intervals, part by part.
func SubSpan(x, y row.Span) (row.Span, error) {
	n, err := Negate(y)
	if err != nil {
		return n, err
	}
	return AddSpan(x, n)
}

const (
	secsPerDay   = 86400
	daysPerMonth = 30
	usecsPerSec  = 1e6
)

// MulSpan multiplies an interval; what is left of months flows into days of 30 a month, and of days into time.
func MulSpan(s row.Span, f float64) (row.Span, error) {
	return scaled(s, func(n float64) float64 { return n * f })
}

// DivSpan divides an interval; see MulSpan.
func DivSpan(s row.Span, f float64) (row.Span, error) {
	if f == 0 {
		return row.Span{}, ErrDivisionByZero
	}
	return scaled(s, func(n float64) float64 { return n / f })
}

// roundMicros is Postgres's TSROUND.
func roundMicros(f float64) float64 { return math.RoundToEven(f*usecsPerSec) / usecsPerSec }

func scaled(s row.Span, by func(float64) float64) (row.Span, error) {
	months, days := by(float64(s.Months)), by(float64(s.Days))
	if !fits32(months) || !fits32(days) {
		return row.Span{}, ErrIntervalRange
	}
	out := row.Span{Months: int32(months), Days: int32(days)}
	moreDays := roundMicros((months - float64(out.Months)) * daysPerMonth)
	secs := roundMicros((days - float64(out.Days) + moreDays - math.Trunc(moreDays)) * secsPerDay)
	total := int64(out.Days)
	if math.Abs(secs) >= secsPerDay {
		whole := int64(secs / secsPerDay)
		total += whole
		secs -= float64(whole * secsPerDay)
	}
	total += int64(moreDays)
	micros := math.RoundToEven(by(float64(s.Micros)) + secs*usecsPerSec)
	if total != int64(int32(total)) || !(micros >= math.MinInt64 && micros < -math.MinInt64) {
		return row.Span{}, ErrIntervalRange
	}
	out.Days, out.Micros = int32(total), int64(micros)
	return out, nil
}

func fits32(f float64) bool { return f >= math.MinInt32 && f <= math.MaxInt32 }

// CompareSpan orders intervals with 30 days a month and 24 hours a day, as Postgres does.
func CompareSpan(x, y row.Span) int {
	xd, xm := flatten(x)
	yd, ym := flatten(y)
	return cmp.Or(cmp.Compare(xd, yd), cmp.Compare(xm, ym))
}

func flatten(s row.Span) (days, micros int64) {
	d := floorDiv(s.Micros, Day)
	return int64(s.Months)*daysPerMonth + int64(s.Days) + d, s.Micros - d*Day
}

// FromEpoch is to_timestamp: seconds since 1970. The sums are Postgres's, which counts from 2000, so that the rounding is too.
func FromEpoch(sec float64) (int64, error) {
	const from1970to2000 = 946684800
	switch {
	case math.IsNaN(sec):
		return 0, errors.New("timestamp cannot be NaN")
	case math.IsInf(sec, 1):
		return row.PosInfinity, nil
	case math.IsInf(sec, -1):
		return row.NegInfinity, nil
	case sec < float64(minDay*secsPerDay) || sec >= float64(endStampDay*secsPerDay):
		return 0, fmt.Errorf("%w: \"%s\"", ErrTimestampRange, strconv.FormatFloat(sec, 'g', 6, 64))
	}
	ts := int64(math.RoundToEven((sec-from1970to2000)*usecsPerSec)) + from1970to2000*Second
	if ts < minTimestamp || ts >= endStampDay*Day {
		return 0, ErrTimestampRange
	}
	return ts, nil
}

// Bin returns the start of the bin of stride's width, counted from origin, that a timestamp falls into.
func Bin(stride row.Span, ts, origin int64) (int64, error) {
	switch {
	case Infinite(ts):
		return ts, nil
	case Infinite(origin):
		return 0, errors.New("origin out of range")
	case stride.Months != 0:
		return 0, errors.New("timestamps cannot be binned into intervals containing months or years")
	}
	width := int64(stride.Days)*Day + stride.Micros
	if width <= 0 {
		return 0, errors.New("stride must be greater than zero")
	}
	diff := ts - origin
	if (diff < ts) != (origin > 0) {
		return 0, ErrIntervalRange
	}
	bin := origin + floorDiv(diff, width)*width
	if bin < minTimestamp {
		return 0, ErrTimestampRange
	}
	return bin, nil
}

// AddDays adds days to a date.
func AddDays(day, n int64) (int64, error) {
	if Infinite(day) {
		return day, nil
	}
	sum := day + n
	if sum < minDay || sum >= endDay {
		return 0, ErrDateRange
	}
	return sum, nil
}

// DiffDays returns the days between two dates.
func DiffDays(x, y int64) (int64, error) {
	if Infinite(x) || Infinite(y) {
		return 0, ErrSubtractInfDate
	}
	return x - y, nil
}
