//go:build integration

package harness

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Partitions is how many partitions a topic of the tests has.
const Partitions = 8

// KafkaServer is a broker in a container.
type KafkaServer struct{ *server }

// Kafka returns the broker that all tests of the binary share.
func Kafka(t *testing.T) *KafkaServer {
	t.Helper()
	k, err := sharedKafka()
	require.NoError(t, err)
	return k
}

func startKafka(ctx context.Context) (*KafkaServer, error) {
	s, err := run(ctx, "kafka", "9092/tcp", func(port int) testcontainers.ContainerRequest {
		return testcontainers.ContainerRequest{
			Image: imageOf("MILLRACE_TEST_KAFKA_IMAGE", "apache/kafka:4.3.0"),
			Env:   kafkaEnv(port),
		}
	}, func(addr string) func(context.Context) error {
		return func(ctx context.Context) error { return kafkaAnswers(ctx, addr) }
	})
	if err != nil {
		return nil, err
	}
	return &KafkaServer{s}, nil
}

// kafkaEnv configures one KRaft node. The broker speaks to itself over INTERNAL: the advertised EXTERNAL address is the host's, and cannot
// be reached from inside the container.
func kafkaEnv(port int) map[string]string {
	return map[string]string{
		"KAFKA_NODE_ID":                                          "1",
		"KAFKA_PROCESS_ROLES":                                    "broker,controller",
		"KAFKA_LISTENERS":                                        "EXTERNAL://:9092,INTERNAL://127.0.0.1:9094,CONTROLLER://127.0.0.1:9093",
		"KAFKA_ADVERTISED_LISTENERS":                             fmt.Sprintf("EXTERNAL://127.0.0.1:%d,INTERNAL://127.0.0.1:9094", port),
		"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":                   "EXTERNAL:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"KAFKA_INTER_BROKER_LISTENER_NAME":                       "INTERNAL",
		"KAFKA_CONTROLLER_LISTENER_NAMES":                        "CONTROLLER",
		"KAFKA_CONTROLLER_QUORUM_VOTERS":                         "1@127.0.0.1:9093",
		"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":                 "1",
		"KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS":                     "4",
		"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR":         "1",
		"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR":                    "1",
		"KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS":             "4",
		"KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
		"KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR":            "1",
		"KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS":                 "0",
		"KAFKA_LOG_RETENTION_MS":                                 "-1",
		"KAFKA_AUTO_CREATE_TOPICS_ENABLE":                        "false",
		"KAFKA_FETCH_MAX_BYTES":                                  fetchBytes,
		"KAFKA_HEAP_OPTS":                                        "-Xms256m -Xmx512m",
	}
}

func kafkaAnswers(ctx context.Context, addr string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr))
	if err != nil {
		return err
	}
	defer cl.Close()
	_, err = kadm.NewClient(cl).ListTopics(ctx)
	return err
}

func (k *KafkaServer) client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(k.addr), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(cl.Close)
	return cl
}

// CreateTopic makes a topic of Partitions partitions and tells whether it was new.
func (k *KafkaServer) CreateTopic(t *testing.T, topic string) bool {
	t.Helper()
	r, err := kadm.NewClient(k.client(t)).CreateTopic(t.Context(), Partitions, 1, nil, topic)
	if errors.Is(err, kerr.TopicAlreadyExists) || errors.Is(r.Err, kerr.TopicAlreadyExists) {
		return false
	}
	require.NoError(t, err, "create topic %s", topic)
	return true
}

// A pipeline cuts its batches between what fetches bring, so that many small ones need small batches in the log and small answers to fetches.
const (
	perBatch   = 50      // records in one batch of the log
	fetchBytes = "16384" // in one answer of the broker: three or four of them
)

// Produce writes values to a topic, value i to partition i modulo Partitions, with all acknowledgements.
func (k *KafkaServer) Produce(t *testing.T, topic string, values ...[]byte) {
	t.Helper()
	cl := k.client(t, kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
	records := make([]*kgo.Record, len(values))
	for i, v := range values {
		records[i] = &kgo.Record{Topic: topic, Partition: int32(i % Partitions), Value: v}
	}
	for some := range slices.Chunk(records, perBatch*Partitions) {
		require.NoError(t, cl.ProduceSync(t.Context(), some...).FirstErr(), "produce to %s", topic)
	}
}

// loading makes tests that run in parallel wait until the topic that they share is full.
var loading sync.Mutex

// Flights makes the topic with the first n flights (all of them if n is 0), once per test binary.
func (k *KafkaServer) Flights(t *testing.T, topic string, n int) {
	t.Helper()
	loading.Lock()
	defer loading.Unlock()
	if k.CreateTopic(t, topic) {
		begun := time.Now()
		k.Produce(t, topic, FlightLines(t, n)...)
		t.Logf("topic %s filled in %s", topic, time.Since(begun))
	}
}

// FlightLines reads the first n lines of the flights sample, all of them if n is 0.
func FlightLines(t *testing.T, n int) [][]byte {
	t.Helper()
	f, err := os.Open(Repo("examples", "flights", "data", "flights.ndjson.gz"))
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var lines [][]byte
	for s := bufio.NewScanner(z); s.Scan() && (n == 0 || len(lines) < n); {
		lines = append(lines, append([]byte(nil), s.Bytes()...))
	}
	require.NotEmpty(t, lines)
	return lines
}
