package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const topRows = 8

// screen shows the table as it changes.
type screen struct {
	out      io.Writer
	redraw   bool // the output is a terminal: draw over the last picture
	conn     *pgx.Conn
	lines    int // of the last picture
	lastSum  int64
	lastTime time.Time
}

// airport is one row of the table.
type airport struct {
	Origin        string
	N, Max, Total int64
	Avg           float64
}

// counted is how many flights the table has seen; 0 before the pipeline has made it.
func (s *screen) counted(ctx context.Context) (int64, error) {
	var n int64
	err := s.conn.QueryRow(ctx, "SELECT coalesce(sum(n), 0)::bigint FROM public.by_origin").Scan(&n)
	if noTable(err) {
		return 0, nil
	}
	return n, err
}

func noTable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42P01"
}

func (s *screen) top(ctx context.Context) ([]airport, error) {
	rows, err := s.conn.Query(ctx, `SELECT origin, n, coalesce(max_delay, 0)::bigint AS max, coalesce(total_delay, 0)::bigint AS total, coalesce(avg_delay, 0) AS avg
		FROM public.by_origin ORDER BY n DESC, origin LIMIT $1`, topRows)
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[airport])
	if noTable(err) {
		return nil, nil
	}
	return list, err
}

// draw shows the airports with the most flights, if anything has changed.
func (s *screen) draw(ctx context.Context, at time.Time) error {
	sum, err := s.counted(ctx)
	if err != nil || sum == s.lastSum {
		return err
	}
	top, err := s.top(ctx)
	if err != nil {
		return err
	}
	picture := picture(top, sum, s.rate(sum, at))
	if s.redraw && s.lines > 0 {
		picture = fmt.Sprintf("\x1b[%dA\x1b[J", s.lines) + picture
	}
	s.lines = strings.Count(picture, "\n")
	s.lastSum, s.lastTime = sum, at
	_, err = io.WriteString(s.out, picture)
	return err
}

// last draws how it ended, without a rate.
func (s *screen) last(ctx context.Context) error {
	s.lastTime = time.Time{}
	return s.draw(ctx, time.Time{})
}

// rate is how many flights a second were committed since the last picture; 0 for the first one.
func (s *screen) rate(sum int64, at time.Time) int64 {
	if s.lastTime.IsZero() {
		return 0
	}
	return int64(float64(sum-s.lastSum) / at.Sub(s.lastTime).Seconds())
}

func picture(top []airport, sum, rate int64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d flights committed", sum)
	if rate > 0 {
		fmt.Fprintf(&b, ", %d a second", rate)
	}
	fmt.Fprintf(&b, "\n  %-8s %10s %12s %12s\n", "origin", "flights", "mean delay", "worst delay")
	for _, a := range top {
		fmt.Fprintf(&b, "  %-8s %10d %8.1f min %8d min\n", a.Origin, a.N, a.Avg, a.Max)
	}
	return b.String()
}
