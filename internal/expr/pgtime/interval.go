package pgtime

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/millrace/millrace/internal/row"
)

// ParseInterval reads an interval: numbers with units, a clock time, years-months, ISO 8601 durations, "ago".
func ParseInterval(s string) (row.Span, error) {
	p := spanParser{text: s}
	t := strings.ToLower(strings.Trim(s, " \t\n\v\f\r"))
	if strings.HasPrefix(t, "p") && len(t) > 1 && t[1] != ' ' {
		return p.iso(strings.ToUpper(t))
	}
	tokens, ok := spanTokens(t)
	if !ok || len(tokens) == 0 {
		return row.Span{}, p.bad()
	}
	return p.tokens(tokens)
}

type spanParser struct {
	text         string
	months, days int64
	micros       float64 // only to see an overflow
	n            int64   // microseconds
	seen         uint    // units, by bit
}

func (p *spanParser) bad() error {
	return fmt.Errorf("invalid input syntax for type interval: \"%s\"", p.text)
}

func (p *spanParser) outOfRange() error {
	return fmt.Errorf("interval field value out of range: \"%s\"", p.text)
}

func (p *spanParser) span() (row.Span, error) {
	if p.months != int64(int32(p.months)) || p.days != int64(int32(p.days)) || math.Abs(p.micros) > math.MaxInt64 {
		return row.Span{}, p.outOfRange()
	}
	return row.Span{Months: int32(p.months), Days: int32(p.days), Micros: p.n}, nil
}

// spanTokens cuts the text into numbers (with sign, point, colons), and words.
func spanTokens(s string) ([]string, bool) {
	var tokens []string
	for i := 0; i < len(s); {
		start := i
		switch c := s[i]; {
		case c == ' ' || c >= '\t' && c <= '\r' || c == '@' || c == ',':
			i++
			continue
		case c >= 'a' && c <= 'z':
			for i < len(s) && (s[i] >= 'a' && s[i] <= 'z' || isDigit(s[i])) {
				i++
			}
		case c == '+' || c == '-' || c == '.' || isDigit(c):
			for i++; i < len(s) && (isDigit(s[i]) || s[i] == '.' || s[i] == ':' || s[i] == '-' && isDigit(s[i-1])); i++ {
				continue
			}
		default:
			return nil, false
		}
		tokens = append(tokens, s[start:i])
	}
	return tokens, true
}

// The units, each a bit of spanParser.seen.
const (
	uMicro = iota
	uMilli
	uSecond
	uMinute
	uHour
	uDay
	uWeek
	uMonth
	uYear
	uDecade
	uCentury
	uMillennium
)

var spanUnits = func() map[string]int {
	m := map[string]int{}
	for unit, words := range [...]string{
		uMicro: "microsecond microseconds microsecon us usec usecs useconds usecond", uMilli: "millisecond milliseconds millisecon ms msec msecs mseconds msecond",
		uSecond: "second seconds s sec secs", uMinute: "minute minutes m min mins", uHour: "hour hours h hr hrs", uDay: "day days d",
		uWeek: "week weeks w", uMonth: "month months mon mons", uYear: "year years y yr yrs", uDecade: "decade decades dec decs",
		uCentury: "century centuries c cent", uMillennium: "millennium millennia mil mils",
	} {
		for _, w := range strings.Fields(words) {
			m[w] = unit
		}
	}
	return m
}()

// tokens reads from the right, as Postgres does: a number takes the unit that stands after it; without one, the last number is seconds
// and a number before a clock time is days.
func (p *spanParser) tokens(tokens []string) (row.Span, error) {
	unit, ago := -1, false
	for i := len(tokens) - 1; i >= 0; i-- {
		t := tokens[i]
		switch {
		case t == "ago" && i == len(tokens)-1 && i > 0:
			ago = true
		case t[0] >= 'a' && t[0] <= 'z':
			u, ok := spanUnits[t]
			if !ok || unit >= 0 && i+1 < len(tokens) && tokens[i+1][0] >= 'a' && tokens[i+1] != "ago" {
				return row.Span{}, p.bad()
			}
			unit = u
		case strings.Contains(t, ":"):
			if err := p.clock(t); err != nil {
				return row.Span{}, err
			}
			unit = uDay
		default:
			if unit < 0 {
				unit = uSecond
			}
			if err := p.number(t, unit); err != nil {
				return row.Span{}, err
			}
		}
	}
	if p.seen == 0 {
		return row.Span{}, p.bad()
	}
	if ago {
		p.months, p.days, p.n = -p.months, -p.days, -p.n
	}
	return p.span()
}

func (p *spanParser) mark(unit int) error {
	if p.seen&(1<<unit) != 0 {
		return p.bad()
	}
	p.seen |= 1 << unit
	return nil
}

// number adds one number with its unit; 1-2 is a year and two months.
func (p *spanParser) number(t string, unit int) error {
	if i := strings.LastIndexByte(t, '-'); i > 0 {
		return p.yearMonth(t, i)
	}
	if err := p.mark(unit); err != nil {
		return err
	}
	whole, frac, ok := splitNumber(t)
	if !ok {
		return p.bad()
	}
	v, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return p.outOfRange()
	}
	p.add(v, frac, unit)
	return nil
}

// splitNumber gives the whole part, with its sign, and the fraction, which has the same sign.
func splitNumber(t string) (whole string, frac float64, ok bool) {
	sign := ""
	body := t
	if t[0] == '-' || t[0] == '+' {
		sign, body = strings.TrimPrefix(t[:1], "+"), t[1:]
	}
	w, f, dotted := strings.Cut(body, ".")
	if strings.Trim(w+f, "0123456789") != "" || w+f == "" && !dotted || w+f == "" {
		return "", 0, false
	}
	if f != "" {
		frac, _ = strconv.ParseFloat("0."+f, 64) // digits only
	}
	if w == "" {
		w = "0"
	}
	if sign == "-" {
		frac = -frac
	}
	return sign + w, frac, true
}

func (p *spanParser) yearMonth(t string, i int) error {
	y, err1 := strconv.ParseInt(t[:i], 10, 32)
	m, err2 := strconv.ParseInt(t[i+1:], 10, 32)
	if err1 != nil || err2 != nil || p.mark(uMonth) != nil || p.mark(uYear) != nil {
		return p.bad()
	}
	if m > 11 {
		return p.outOfRange()
	}
	if t[0] == '-' {
		m = -m
	}
	p.months += y*12 + m
	return nil
}

// add puts v.frac units where they belong; fractions flow down as in Postgres: of years to months, of months, weeks and days to time.
func (p *spanParser) add(v int64, frac float64, unit int) {
	switch unit {
	case uMicro:
		p.time(v, frac, 1)
	case uMilli:
		p.time(v, frac, Milli)
	case uSecond:
		p.time(v, frac, Second)
	case uMinute:
		p.time(v, frac, Minute)
	case uHour:
		p.time(v, frac, Hour)
	case uDay:
		p.days += clampDay(v)
		p.time(0, frac, Day)
	case uWeek:
		p.days += clampDay(v) * 7
		p.fracDays(frac * 7)
	case uMonth:
		p.months += clampDay(v)
		p.fracDays(frac * 30)
	default:
		years := map[int]int64{uYear: 1, uDecade: 10, uCentury: 100, uMillennium: 1000}[unit]
		p.months += clampDay(v)*12*years + int64(math.RoundToEven(frac*float64(years)*12))
	}
}

// clampDay keeps sums from wrapping; what is so large is out of range anyway.
func clampDay(v int64) int64 { return min(max(v, -1<<40), 1<<40) }

func (p *spanParser) time(v int64, frac float64, unit int64) {
	p.micros += float64(v)*float64(unit) + frac*float64(unit)
	f := frac * float64(unit)
	whole := int64(f)
	f -= float64(whole)
	if f > 0.5 {
		whole++
	} else if f < -0.5 {
		whole--
	}
	p.n += v*unit + whole
}

func (p *spanParser) fracDays(days float64) {
	whole := int64(days)
	p.days += whole
	p.time(0, days-float64(whole), Day)
}

// clock adds [±]H:MM[:SS[.f]]; two parts with a fraction are minutes and seconds.
func (p *spanParser) clock(t string) error {
	for _, u := range []int{uSecond, uMinute, uHour} {
		if err := p.mark(u); err != nil {
			return err
		}
	}
	negative := t[0] == '-'
	parts := strings.Split(strings.TrimLeft(t, "+-"), ":")
	if len(parts) == 2 && strings.Contains(parts[1], ".") {
		parts = append([]string{"0"}, parts...)
	}
	if len(parts) == 2 {
		parts = append(parts, "0")
	}
	if len(parts) != 3 {
		return p.bad()
	}
	h, err1 := strconv.ParseUint(parts[0], 10, 63)
	m, err2 := strconv.ParseUint(parts[1], 10, 63)
	whole, frac, ok := splitNumber("0" + parts[2])
	s, err3 := strconv.ParseInt(whole, 10, 64)
	if err1 != nil || err2 != nil || !ok || err3 != nil || parts[2] == "" {
		return p.bad()
	}
	if m > 59 || s > 60 || h > math.MaxInt64/uint64(Hour) {
		return p.outOfRange()
	}
	micros := int64(h)*Hour + int64(m)*Minute + s*Second + int64(math.RoundToEven(frac*1e6))
	if negative {
		micros = -micros
	}
	p.micros += float64(micros)
	p.n += micros
	return nil
}

var isoDate = map[byte]int{'Y': uYear, 'M': uMonth, 'W': uWeek, 'D': uDay}
var isoTime = map[byte]int{'H': uHour, 'M': uMinute, 'S': uSecond}

// iso reads P1Y2M3DT4H5M6.7S.
func (p *spanParser) iso(t string) (row.Span, error) {
	units := isoDate
	for t = t[1:]; t != ""; {
		if t[0] == 'T' && len(t) > 1 {
			units, t = isoTime, t[1:]
			continue
		}
		n := 0
		for n < len(t) && (isDigit(t[n]) || strings.IndexByte("+-.", t[n]) >= 0) {
			n++
		}
		if n == 0 || n == len(t) {
			return row.Span{}, p.bad()
		}
		unit, ok := units[t[n]]
		whole, frac, number := splitNumber(t[:n])
		v, err := strconv.ParseInt(whole, 10, 64)
		if !ok || !number || err != nil {
			return row.Span{}, p.bad()
		}
		p.add(v, frac, unit)
		t = t[n+1:]
	}
	return p.span()
}
