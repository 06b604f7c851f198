//go:build integration

package integration_test

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/harness"
	"github.com/stretchr/testify/require"
)

func awaitRecords(t *testing.T, l *harness.Life, n int64) {
	t.Helper()
	harness.Eventually(t, time.Minute, "the records do not arrive", func() bool {
		return rawRecords(t, l) >= n
	})
}

// rawRecords counts the records that the tables have; none if the tables are not there yet.
func rawRecords(t *testing.T, l *harness.Life) int64 {
	t.Helper()
	rows, err := l.Postgres.TryQuery(t, l.Database, "SELECT count(*) FROM raw")
	if err != nil {
		return 0
	}
	return number(t, rows[0][0])
}

// endsWithin tells whether the process ends by itself in the time in which a healthy one would be done.
func endsWithin(p *harness.Process) (harness.Exit, bool) {
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if p.Ended() {
			return p.Exit(), true
		}
	}
	return harness.Exit{}, false
}

func awaitReady(t *testing.T, addr string) {
	t.Helper()
	harness.Eventually(t, time.Minute, "the process does not become ready", func() bool {
		status, _ := harness.Get(t, addr, "/readyz")
		return status == http.StatusOK
	})
}

// awaitNotReady waits until /readyz refuses with a reason that names the culprit.
func awaitNotReady(t *testing.T, addr, culprit string) {
	t.Helper()
	var status int
	var body string
	harness.Eventually(t, time.Minute, "/readyz does not say that "+culprit+" is away", func() bool {
		status, body = harness.Get(t, addr, "/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(strings.ToLower(body), culprit)
	})
	t.Logf("/readyz: %d %s", status, body)
	status, body = harness.Get(t, addr, "/healthz")
	require.Equal(t, http.StatusOK, status, "a server that is away is no reason to be restarted: %s", body)
}

// outage runs a process through an outage of one server: half of the input before it, a part during it where that is possible, the rest after.
func outage(t *testing.T, name, culprit string, takeAway, bringBack func(t *testing.T, k *harness.KafkaServer, p *harness.PostgresServer)) {
	k, p := harness.Kafka(t), harness.OwnPostgres(t)
	topic, addr := "outage-"+name, harness.FreeAddr(t)
	k.CreateTopic(t, topic)
	lines := harness.FlightLines(t, matrixRecords)
	l := matrixLifeOn(t, k, p, exactlyOnce, "TOPIC="+topic, "MILLRACE_HTTP_ADDR="+addr)
	running := l.Start()
	awaitReady(t, addr)
	k.Produce(t, topic, lines[:7000]...)
	awaitRecords(t, l, 7000)
	if culprit == "postgres" { // so that there is a batch to commit while it is away
		k.Produce(t, topic, lines[7000:9000]...)
	}
	said := len(running.Output())
	takeAway(t, k, p)
	t.Cleanup(func() { bringBack(t, k, p) }) // also if the test fails: others use the broker
	awaitNotReady(t, addr, culprit)
	harness.Eventually(t, 30*time.Second, "the log does not say that "+culprit+" is away", func() bool {
		return strings.Contains(strings.ToLower(running.Output()[said:]), culprit)
	})
	bringBack(t, k, p)
	awaitReady(t, addr)
	from := 7000
	if culprit == "postgres" {
		from = 9000
	}
	k.Produce(t, topic, lines[from:]...)
	awaitRecords(t, l, matrixRecords)
	running.Signal(syscall.SIGTERM)
	require.Equal(t, harness.Exit{}, running.Wait(t, 30*time.Second), "a graceful stop")
	requireExact(t, l)
}

func TestPostgresGoneAndBack(t *testing.T) {
	harness.Record(t)
	for name, takeAway := range map[string]func(*harness.PostgresServer, *testing.T){
		"Stopped": func(p *harness.PostgresServer, t *testing.T) { p.Stop(t) },
		"Killed":  func(p *harness.PostgresServer, t *testing.T) { p.Kill(t) },
	} {
		t.Run(name, func(t *testing.T) {
			outage(t, "postgres-"+name, "postgres",
				func(t *testing.T, _ *harness.KafkaServer, p *harness.PostgresServer) { takeAway(p, t) },
				func(t *testing.T, _ *harness.KafkaServer, p *harness.PostgresServer) { p.Start(t) })
		})
	}
}

func TestBrokerGoneAndBack(t *testing.T) {
	harness.Record(t)
	outage(t, "broker", "kafka",
		func(t *testing.T, k *harness.KafkaServer, _ *harness.PostgresServer) { k.Kill(t) },
		func(t *testing.T, k *harness.KafkaServer, _ *harness.PostgresServer) { k.Start(t) })
}
