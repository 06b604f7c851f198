package deployments_test

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/require"
)

// alerts are the rules by name, read as Prometheus reads them: fields, expressions and templates are checked.
func alerts(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	text, err := os.ReadFile("../prometheus/alerts.yaml")
	require.NoError(t, err)
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	require.Empty(t, errs)
	found := map[string]rulefmt.Rule{}
	for _, r := range groups.Groups[0].Rules {
		found[r.Alert] = r
	}
	return found
}

const at = `{namespace="n", job="millrace", instance="i"`

// A case is what Prometheus has scraped each minute for an hour.
var alertCases = map[string]struct{ quiet, loud string }{
	"MillraceDown":     {`up` + at + `} 1x60`, `up` + at + `} 0x60`},
	"MillraceNotReady": {`kube_pod_status_ready{pod="millrace-7b-x", condition="true"} 1x60`, `kube_pod_status_ready{pod="millrace-7b-x", condition="true"} 0x60`},
	"MillraceStuck": {
		"millrace_ingest_lag_records" + at + `, topic="t", partition="0"} 5x60` + "\n millrace_batch_committed_total" + at + `} 0+60x60`,
		"millrace_ingest_lag_records" + at + `, topic="t", partition="0"} 5x60` + "\n millrace_batch_committed_total" + at + `} 7x60`,
	},
	"MillraceLagGrows": {
		"millrace_ingest_lag_records" + at + `, topic="t", partition="0"} 50000-100x60`,
		"millrace_ingest_lag_records" + at + `, topic="t", partition="0"} 50000+100x60`,
	},
	"MillraceBatchSlowerThanInterval": {buckets(100, 0), buckets(0, 100)},
	"MillracePartitionHalted":         {"millrace_ingest_halted_partitions" + at + `} 0x60`, "millrace_ingest_halted_partitions" + at + `} 1x60`},
	"MillraceDeadLetters":             {"millrace_batch_dead_letters_total" + at + `} 9x60`, "millrace_batch_dead_letters_total" + at + `} 9+1x60`},
	"MillraceCommitsFail": {
		"millrace_commit_failures_total" + at + `, class="unavailable"} 3x60` + "\n millrace_commit_failures_total" + at + `, class="fenced"} 0+1x60`,
		"millrace_commit_failures_total" + at + `, class="unavailable"} 0+1x60`,
	},
	"MillraceRestarts": {"process_start_time_seconds" + at + `} 1000x60`, "process_start_time_seconds" + at + `} 1000+60x60`},
}

// buckets are batches that take one second or, the others, ten.
func buckets(short, long int) string {
	name := "millrace_batch_duration_seconds_bucket"
	return fmt.Sprintf("%s%s, le=\"1\"} 0+%dx60\n %s%s, le=\"10\"} 0+%dx60\n %s%s, le=\"+Inf\"} 0+%dx60",
		name, at, short, name, at, short+long, name, at, short+long)
}

func TestEveryAlertIsSilentWhenAllIsWellAndSpeaksWhenItIsNot(t *testing.T) {
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)
	rules := alerts(t)
	require.Len(t, alertCases, len(rules), "every alert has a case")
	for name, c := range alertCases {
		for series, want := range map[string]int{c.quiet: 0, c.loud: 1} {
			storage := promqltest.LoadedStorage(t, "load 1m\n "+series+"\n")
			query, err := engine.NewInstantQuery(t.Context(), storage, nil, rules[name].Expr, time.Unix(50*60, 0))
			require.NoError(t, err)
			result := query.Exec(t.Context())
			require.NoError(t, result.Err)
			vector, err := result.Vector()
			require.NoError(t, err)
			require.Len(t, vector, want, "%s on %s", name, strings.TrimSpace(series))
			query.Close()
			require.NoError(t, storage.Close())
		}
	}
}
