package pgtime

import (
	"strconv"

	"github.com/millrace/millrace/internal/row"
)

// AppendDate appends a date as 2001-02-03.
func AppendDate(dst []byte, day int64) []byte {
	if Infinite(day) {
		return appendInfinite(dst, day)
	}
	y, m, d := DateOf(day)
	dst = appendYMD(dst, y, m, d)
	if y <= 0 {
		dst = append(dst, " BC"...)
	}
	return dst
}

// AppendTimestamp appends a timestamp as 2001-02-03 04:05:06.789.
func AppendTimestamp(dst []byte, ts int64) []byte { return appendStamp(dst, ts, "") }

// AppendTimestampTZ appends a timestamp as 2001-02-03 04:05:06.789+00.
func AppendTimestampTZ(dst []byte, ts int64) []byte { return appendStamp(dst, ts, "+00") }

func appendStamp(dst []byte, ts int64, zone string) []byte {
	if Infinite(ts) {
		return appendInfinite(dst, ts)
	}
	day, micros := split(ts)
	y, m, d := DateOf(day)
	dst = append(appendYMD(dst, y, m, d), ' ')
	dst = append(appendClock(dst, micros), zone...)
	if y <= 0 {
		dst = append(dst, " BC"...)
	}
	return dst
}

func appendInfinite(dst []byte, v int64) []byte {
	if v == row.NegInfinity {
		return append(dst, "-infinity"...)
	}
	return append(dst, "infinity"...)
}

func appendYMD(dst []byte, y, m, d int) []byte {
	if y <= 0 {
		y = 1 - y
	}
	dst = appendPadded(dst, int64(y), 4)
	dst = appendPadded(append(dst, '-'), int64(m), 2)
	return appendPadded(append(dst, '-'), int64(d), 2)
}

// appendClock appends hours, minutes and seconds, the hours with as many digits as they need.
func appendClock(dst []byte, micros int64) []byte {
	dst = appendPadded(dst, micros/Hour, 2)
	dst = appendPadded(append(dst, ':'), micros/Minute%60, 2)
	dst = appendPadded(append(dst, ':'), micros/Second%60, 2)
	frac := micros % Second
	if frac == 0 {
		return dst
	}
	dst = appendPadded(append(dst, '.'), frac, 6)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

func appendPadded(dst []byte, n int64, width int) []byte {
	if width == 2 && n < 100 {
		return append(dst, byte('0'+n/10), byte('0'+n%10))
	}
	for limit := int64(10); width > 1; width-- {
		if n < limit {
			dst = append(dst, '0')
		}
		limit *= 10
	}
	return strconv.AppendInt(dst, n, 10)
}

// AppendInterval appends an interval in the style "1 year 2 mons 3 days 04:05:06.789".
func AppendInterval(dst []byte, s row.Span) []byte {
	p := spanPrinter{dst: dst, empty: true}
	p.part(int64(s.Months/12), "year")
	p.part(int64(s.Months%12), "mon")
	p.part(int64(s.Days), "day")
	if s.Micros == 0 && !p.empty {
		return p.dst
	}
	if !p.empty {
		p.dst = append(p.dst, ' ')
	}
	micros := uint64(s.Micros)
	switch {
	case s.Micros < 0:
		micros = -micros
		p.dst = append(p.dst, '-')
	case p.before:
		p.dst = append(p.dst, '+')
	}
	if micros > 1<<63-1 { // the one value that has no positive counterpart
		return append(p.dst, "2562047788:00:54.775808"...)
	}
	return appendClock(p.dst, int64(micros))
}

// spanPrinter remembers whether anything was printed and whether the last part was negative: a positive one after it shows its sign.
type spanPrinter struct {
	dst    []byte
	empty  bool
	before bool
}

func (p *spanPrinter) part(n int64, unit string) {
	if n == 0 {
		return
	}
	if !p.empty {
		p.dst = append(p.dst, ' ')
	}
	if p.before && n > 0 {
		p.dst = append(p.dst, '+')
	}
	p.dst = strconv.AppendInt(p.dst, n, 10)
	p.dst = append(append(p.dst, ' '), unit...)
	if n != 1 {
		p.dst = append(p.dst, 's')
	}
	p.before, p.empty = n < 0, false
}
