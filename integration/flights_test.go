//go:build integration

package integration_test

import (
	"testing"

	"github.com/millrace/millrace/integration/harness"
)

// Each example reads all 200,000 flights and must leave exactly the table that another engine computed from the same file.
func flights(t *testing.T, example, query string) {
	harness.Record(t)
	k := harness.Kafka(t)
	k.Flights(t, "flights", 0)
	l := harness.NewLife(t, k, harness.Postgres(t), harness.Repo("examples", "flights", example+".yaml"))
	l.Finish()
	harness.EqualsCSV(t, l.Query(query), harness.Repo("examples", "flights", "data", "expected_"+example+".csv"))
}

func TestFlightsByOrigin(t *testing.T) {
	flights(t, "by_origin", "SELECT origin, n, total_delay, max_delay, avg_delay FROM by_origin ORDER BY origin")
}

func TestFlightsByDay(t *testing.T) {
	flights(t, "by_day", "SELECT day AT TIME ZONE 'UTC', n, miles FROM by_day ORDER BY day")
}

func TestFlightsLateByOriginInWindowsOfThreeHours(t *testing.T) {
	flights(t, "late_by_origin_3h",
		"SELECT window_start AT TIME ZONE 'UTC', origin, n, total_delay FROM late_by_origin_3h ORDER BY window_start, origin")
}
