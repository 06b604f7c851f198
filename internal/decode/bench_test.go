package decode

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
	"github.com/stretchr/testify/require"
)

// BenchmarkClicks decodes the benchmark topic's records: 4 of 9 fields are used.
func BenchmarkClicks(b *testing.B) {
	var records [][]byte
	for i := range 4096 {
		records = append(records, fmt.Appendf(nil, `{"event_id":"%08x-%04x-4a1b-8c2d-%012x","user":"u%d","page":"/p/%d","campaign":"c%d","ts":%d,"ms":%d,"status":%d,"country":"KR","agent":"Mozilla/5.0 (X11; Linux) v%d"}`,
			i*2654435761%(1<<32), i%65536, i*7919, i*31%1000000, i*7%10000, i*13%1000, 1767225600000+i, i*17%2000, 200+i%3*102, i%100))
	}
	run(b, records, source(map[string]any{"status": row.Int4, "campaign": row.Text, "ts": row.Int8, "ms": row.Int4}))
}

// BenchmarkFlights decodes real records with a timestamp; all fields but id are used.
func BenchmarkFlights(b *testing.B) {
	f, err := os.Open(os.Getenv("MILLRACE_FLIGHTS"))
	if err != nil {
		b.Skip("set MILLRACE_FLIGHTS to flights.ndjson.gz: ", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(b, err)
	var records [][]byte
	for in := bufio.NewScanner(z); in.Scan() && len(records) < 4096; {
		records = append(records, []byte(in.Text()))
	}
	run(b, records, source(map[string]any{"date": row.TimestampTZ, "delay": row.Int4, "distance": row.Int4, "origin": row.Text, "destination": row.Text}))
}

// BenchmarkNested decodes two fields of a long record with objects, arrays and escapes.
func BenchmarkNested(b *testing.B) {
	item := `{"sku":"A-1","price":12.5,"tags":["a","b\n","c"],"dims":{"w":1,"h":2.25,"note":"said \"hello\""}}`
	record := `{"id":"0123456789","items":[` + strings.Repeat(item+",", 20) + item + `],"customer":{"name":"J\u00fcrgen","address":{"city":"Köln","zip":"50667"}},"total":1234.56}`
	s := source(map[string]any{"total": row.Numeric})
	s.Columns = append(s.Columns, row.Column{Name: "city", Type: row.Text})
	s.Fields = append(s.Fields, plan.Field{Path: []string{"customer", "address", "city"}, Used: true})
	run(b, [][]byte{[]byte(record)}, s)
}

func run(b *testing.B, records [][]byte, s *plan.Source) {
	d, err := New(s)
	require.NoError(b, err)
	out := make([]row.Value, len(s.Columns))
	var scratch row.Arena
	b.SetBytes(int64(len(records[0])))
	b.ReportAllocs()
	before := cpu(b)
	i := 0
	for ; b.Loop(); i++ {
		scratch.Reset()
		if err := d.Decode(records[i%len(records)], out, &scratch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-before)/float64(i), "cpu-ns/op")
}

// cpu is the processor time of this process in nanoseconds: on a busy machine the clock says little.
func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return u.Utime.Nano() + u.Stime.Nano()
}
