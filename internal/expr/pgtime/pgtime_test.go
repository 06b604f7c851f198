package pgtime

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/row"
)

// TestTheCalendarIsGos: over Go's whole range both calendars agree, and DateOf undoes DaysOf over ours.
func TestTheCalendarIsGos(t *testing.T) {
	for day := int64(minDay); day < endDay; day += 9973 {
		y, m, d := DateOf(day)
		require.Equal(t, day, DaysOf(y, m, d))
		if day < 100_000_000 {
			g := time.Unix(day*secsPerDay, 0).UTC()
			require.Equal(t, [3]int{g.Year(), int(g.Month()), g.Day()}, [3]int{y, m, d})
			gy, gw := g.ISOWeek()
			iy, iw := isoWeek(day)
			require.Equal(t, [2]int64{int64(gy), int64(gw)}, [2]int64{iy, iw})
		}
	}
}

func TestWhatIsPrintedReadsBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		ts := r.Int64N(endStampDay * Day)
		back, err := ParseTimestampTZ(string(AppendTimestampTZ(nil, ts)))
		require.NoError(t, err)
		require.Equal(t, ts, back)
		s := row.Span{Months: int32(r.Uint32()), Days: int32(r.Uint32()), Micros: int64(r.Uint64()) / 2}
		span, err := ParseInterval(string(AppendInterval(nil, s)))
		require.NoError(t, err)
		require.Equal(t, s, span)
	}
}

// TestTheFastPathAgreesWithTheGeneralParser: what parseISO takes, the general parser reads the same.
func TestTheFastPathAgreesWithTheGeneralParser(t *testing.T) {
	for _, s := range []string{
		"2001-02-03", "2001-02-03T04:05:06Z", "2001-02-03 04:05:06", "2001-02-03 04:05:06.7", "2001-02-03 04:05:06.789012+02", "2001-02-03T04:05:06-11:30",
		"2000-02-29 23:59:59.999999", "9999-12-31T23:59:59Z", "0001-01-01 00:00:00",
	} {
		fast, ok := parseISO(s, true)
		require.True(t, ok, s)
		slow, err := parseStamp(s, nameTZ)
		require.NoError(t, err, s)
		require.Equal(t, slow, fast, s)
	}
	for _, s := range []string{"2001-02-30", "2001-13-01", "2001-02-03 24:00:00", "2001-02-03 04:05:06+16", "2001-02-03 04:05:06.", "2001-02-03 04:05:06.1234567", "0000-01-01", "2001-2-3 "} {
		_, ok := parseISO(s, true)
		require.False(t, ok, s)
	}
}

func TestAddingAndSubtractingDaysAndTimeUndoEachOther(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		ts := r.Int64N(1 << 60)
		s := row.Span{Days: int32(r.IntN(100000)), Micros: r.Int64N(1 << 50)}
		sum, err := Add(ts, s)
		require.NoError(t, err)
		back, err := Sub(sum, s)
		require.NoError(t, err)
		require.Equal(t, ts, back)
	}
}

func TestTruncationIsIdempotentAndNotLater(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for u := Microseconds; u <= Millennium; u++ {
		for range 500 {
			ts := r.Int64N(1<<60) - 1<<56
			cut, err := Trunc(u, ts, "timestamp")
			require.NoError(t, err)
			require.LessOrEqual(t, cut, ts)
			again, err := Trunc(u, cut, "timestamp")
			require.NoError(t, err)
			require.Equal(t, cut, again)
		}
	}
}
