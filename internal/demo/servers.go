package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millrace/millrace/internal/embedpg"
)

// servers are what the pipeline reads from and writes to.
type servers struct {
	kafka    *kfake.Cluster
	postgres *embedpg.Server
}

// startServers starts Postgres first: its lock tells whether another demo uses the folder.
func startServers(ctx context.Context, dir, binaries string, report func(string)) (*servers, error) {
	pg, err := embedpg.Start(ctx, embedpg.Options{Dir: filepath.Join(dir, "postgres"), Binaries: binaries, Report: report})
	if errors.Is(err, embedpg.ErrInUse) {
		return nil, &Refusal{fmt.Errorf("another demo is running in %s: end it, or choose another folder by MILLRACE_CACHE: %w", dir, err)}
	}
	if err != nil {
		return nil, &Refusal{err}
	}
	kafka, err := newKafka(filepath.Join(dir, "kafka"))
	if err != nil {
		return nil, &Refusal{errors.Join(fmt.Errorf("start Kafka: %w; to begin anew, remove %s", err, dir), pg.Stop())}
	}
	return &servers{kafka: kafka, postgres: pg}, nil
}

// newKafka keeps the topic in a folder, so that the next run finds it.
func newKafka(dir string) (*kfake.Cluster, error) {
	return kfake.NewCluster(kfake.NumBrokers(1), kfake.DataDir(dir), kfake.SeedTopics(partitions, topic))
}

func (s *servers) broker() string { return s.kafka.ListenAddrs()[0] }

func (s *servers) stop() error {
	s.kafka.Close()
	return s.postgres.Stop()
}

// Refusal is an error that kept the demo from starting.
type Refusal struct{ Err error }

func (r *Refusal) Error() string { return r.Err.Error() }
func (r *Refusal) Unwrap() error { return r.Err }

// Refused tells that the process was refused at start.
func (r *Refusal) Refused() bool { return true }

// cacheDir is MILLRACE_CACHE or the user's cache; under root a folder that Postgres's own user can enter (X1).
func cacheDir(fromEnvironment string) (string, error) {
	if fromEnvironment != "" {
		return fromEnvironment, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", &Refusal{fmt.Errorf("find a cache folder: %w; set MILLRACE_CACHE", err)}
	}
	return embedpg.Cache(filepath.Join(dir, "millrace")), nil
}
