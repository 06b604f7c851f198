package sinks

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

// BenchmarkAdd encodes the row of an ETL job: three short texts, a time, a number, a text.
func BenchmarkAdd(b *testing.B) {
	s := sinkOf(plan.Append, "flights", nil, col("id", row.Text), col("origin", row.Text), col("dest", row.Text),
		col("at", row.TimestampTZ), col("delay", row.Int4), col("carrier", row.Text))
	info := &tableInfo{schema: "public", name: "flights", kind: "r", usage: true, columns: map[string]*tableColumn{}}
	for _, c := range s.Columns {
		oid := map[row.Type]uint32{row.Text: oidText, row.TimestampTZ: oidTimestampTZ, row.Int4: oidInt4}[c.Type]
		info.columns[c.Name] = &tableColumn{name: c.Name, typ: pgType{oid: oid}, typmod: -1, insert: true}
	}
	table, problems := newTable(s, info)
	require.Empty(b, problems)
	values := []row.Value{row.OfText("20260101-HNL-000123"), row.OfText("HNL"), row.OfText("SFO"), row.OfInt(1767225600000000), row.OfInt(17), row.OfText("Hawaiian Airlines")}
	buf := table.NewBuffer()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%50_000 == 0 {
			buf.Reset()
		}
		if err := buf.Add(values); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpsert writes batches of 50,000 keys (text, bigint), the first one into an empty table, and says what it costs on both sides.
func BenchmarkUpsert(b *testing.B) {
	s := sinkOf(plan.Upsert, "counts", []string{"word"}, col("word", row.Text), col("n", row.Int8))
	s.Postgres.Create = true
	benchmarkWrite(b, s, func(batch, i int) []row.Value {
		return []row.Value{row.OfText(fmt.Sprintf("word-%d", i*7919%50_000)), row.OfInt(int64(batch*50_000 + i))}
	})
}

// BenchmarkUpsertWindowed has keys that begin alike.
func BenchmarkUpsertWindowed(b *testing.B) {
	s := sinkOf(plan.Upsert, "counts", []string{"at", "word"}, col("at", row.TimestampTZ), col("word", row.Text), col("n", row.Int8))
	s.Postgres.Create = true
	benchmarkWrite(b, s, func(batch, i int) []row.Value {
		return []row.Value{row.OfInt(1767225600000000 + int64(i%2)*3_600_000_000), row.OfText(fmt.Sprintf("word-%d", i*7919%50_000)), row.OfInt(int64(batch*50_000 + i))}
	})
}

// BenchmarkAppend copies the rows of the ETL job.
func BenchmarkAppend(b *testing.B) {
	s := sinkOf(plan.Append, "flights", nil, col("id", row.Text), col("origin", row.Text), col("dest", row.Text),
		col("at", row.TimestampTZ), col("delay", row.Int4), col("carrier", row.Text))
	s.Postgres.Create = true
	benchmarkWrite(b, s, func(batch, i int) []row.Value {
		return []row.Value{row.OfText(fmt.Sprintf("20260101-HNL-%06d", i)), row.OfText("HNL"), row.OfText("SFO"), row.OfInt(1767225600000000 + int64(i)), row.OfInt(17), row.OfText("Hawaiian Airlines")}
	})
}

func benchmarkWrite(b *testing.B, s *plan.Sink, values func(batch, i int) []row.Value) {
	const rows = 50_000
	conn := connect(b)
	table := open(b, conn, s)
	backend := conn.PgConn().PID()
	var client, server time.Duration
	buf := table.NewBuffer()
	n := 0
	for ; b.Loop(); n++ {
		b.StopTimer()
		buf.Reset()
		for i := range rows {
			add(b, buf, values(n, i)...)
		}
		client0, server0 := ownCPU(), cpuOf(backend)
		b.StartTimer()
		err := pgx.BeginFunc(context.Background(), conn, func(tx pgx.Tx) error { return table.Writer([]*Buffer{buf}).Write(context.Background(), tx) })
		require.NoError(b, err)
		client, server = client+ownCPU()-client0, server+cpuOf(backend)-server0
	}
	b.ReportMetric(float64(client.Nanoseconds())/float64(n*rows), "client-cpu-ns/row")
	b.ReportMetric(float64(server.Nanoseconds())/float64(n*rows), "server-cpu-ns/row")
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpuOf reads a process's CPU time, in ticks of 10 ms; it is 0 where the server runs elsewhere.
func cpuOf(pid uint32) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
