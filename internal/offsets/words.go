package offsets

import (
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/millrace/millrace/internal/batch"
)

// uuid is a token as Postgres shows it; the zero token, nobody's, is NULL.
func uuid(t batch.Token) pgtype.UUID { return pgtype.UUID{Bytes: t, Valid: t != batch.Token{}} }

// token is the reverse of uuid.
func token(u pgtype.UUID) batch.Token { return u.Bytes }

// earliest is the first microsecond that a timestamptz can hold: 4714-11-24 BC.
const earliest = -210866803200000000

// timestamp is a time in microseconds as Postgres shows it. NoWatermark is NULL. A watermark below what a timestamptz can hold rises to
// -infinity and is read back as NoWatermark: it was below every event time that a column can hold.
func timestamp(micros int64) pgtype.Timestamptz {
	switch {
	case micros == batch.NoWatermark:
		return pgtype.Timestamptz{}
	case micros == math.MaxInt64:
		return pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
	case micros < earliest:
		return pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
	}
	return pgtype.Timestamptz{Time: time.UnixMicro(micros), Valid: true}
}

// micros is the reverse of timestamp.
func micros(t pgtype.Timestamptz) int64 {
	switch {
	case !t.Valid, t.InfinityModifier == pgtype.NegativeInfinity:
		return batch.NoWatermark
	case t.InfinityModifier == pgtype.Infinity:
		return math.MaxInt64
	}
	return t.Time.UnixMicro()
}

// moment is a wall-clock time; the zero time is NULL.
func moment(t time.Time) pgtype.Timestamptz { return pgtype.Timestamptz{Time: t, Valid: !t.IsZero()} }

// text makes s storable: Postgres takes neither a NUL nor bytes that are not UTF-8.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "�"), "\x00", "�")
}

// uuidText is a token as Postgres prints it, for jsonb; empty for the zero token.
func uuidText(t batch.Token) string {
	if t == (batch.Token{}) {
		return ""
	}
	return uuid(t).String()
}
