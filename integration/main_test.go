//go:build integration

// Package integration_test runs the binary against Kafka and Postgres in containers: what it promises is looked at from the outside only,
// in its tables, its exit codes and its words.
package integration_test

import (
	"testing"

	"github.com/millrace/millrace/integration/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }
