//go:build integration

package integration_test

import (
	"testing"
	"time"

	"github.com/millrace/millrace/integration/harness"
	"github.com/stretchr/testify/require"
)

func TestServersStopStartAndGoBackInTime(t *testing.T) {
	harness.Record(t)
	k, p := harness.Kafka(t), harness.OwnPostgres(t)
	k.Flights(t, "smoke", 100)
	require.False(t, k.CreateTopic(t, "smoke"), "the topic is there already")
	k.Kill(t)
	k.Start(t)
	require.False(t, k.CreateTopic(t, "smoke"), "topics survive the broker's death")

	db := p.Database(t)
	p.Exec(t, db, "CREATE TABLE past (at timestamptz)")
	p.Backup(t)
	p.Exec(t, db, "INSERT INTO past VALUES ($1)", time.Now())
	p.Kill(t)
	p.Start(t)
	require.Len(t, p.Query(t, db, "SELECT * FROM past"), 1, "a row survives the server's death")
	p.Restore(t)
	require.Empty(t, p.Query(t, db, "SELECT * FROM past"), "the row was written after the backup")
}
