package ingest

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Config says how to reach Kafka.
type Config struct {
	Brokers     []string    // host:port
	TLS         *tls.Config // nil: plaintext
	SASL        SASL
	ClientID    string        // what brokers log and meter by; "" is "millrace"
	OpenTimeout time.Duration // how long Open may take; 0 is 15 s
	Limits      Limits
}

// SASL is how the client says who it is.
type SASL struct {
	Mechanism string // "" for none, PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
	User      string
	Password  string
}

// Limits bound what a consumer asks for and holds. A zero field takes its default.
type Limits struct {
	FetchBytes     int32         // of one answer, as on the wire; 4 MiB
	PartitionBytes int32         // of one partition in it; 1 MiB. A batch that is larger comes alone and whole
	FetchWait      time.Duration // how long a broker may hold an answer when it has nothing; 500 ms
	QueueBytes     int64         // fetched and not decoded yet; 12 MiB
	ReadyBytes     int64         // decoded and not handed out yet; 16 MiB
	ChunkBytes     int64         // a chunk is closed when it holds as much; 1 MiB
	BatchBytes     int           // what one batch may unpack to; 64 MiB
	Decoders       int           // goroutines that unpack and parse; one a core
	MetadataAge    time.Duration // how often the topics are looked at unasked; 10 s
	MissingGrace   time.Duration // how long a topic may be missing until it counts as deleted; 10 s
}

func orDefault[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

func (l Limits) withDefaults() Limits {
	l.FetchBytes = orDefault(l.FetchBytes, 4<<20)
	l.PartitionBytes = orDefault(l.PartitionBytes, 1<<20)
	l.FetchWait = orDefault(l.FetchWait, 500*time.Millisecond)
	l.QueueBytes = orDefault(l.QueueBytes, 12<<20)
	l.ReadyBytes = orDefault(l.ReadyBytes, 16<<20)
	l.ChunkBytes = orDefault(l.ChunkBytes, 1<<20)
	l.BatchBytes = orDefault(l.BatchBytes, 64<<20)
	l.Decoders = orDefault(l.Decoders, runtime.GOMAXPROCS(0))
	l.MetadataAge = orDefault(l.MetadataAge, 10*time.Second)
	l.MissingGrace = orDefault(l.MissingGrace, 10*time.Second)
	return l
}

// mechanism turns the names of the environment into franz-go's; nil for none.
func (s SASL) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "":
		return nil, nil
	case "PLAIN":
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism(), nil
	}
	return nil, fmt.Errorf("SASL mechanism %q: want PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", s.Mechanism)
}

// options are those of a client that only asks: this package fetches by itself and retries by itself.
func (c Config) options(log *slog.Logger) ([]kgo.Opt, error) {
	m, err := c.SASL.mechanism()
	if err != nil {
		return nil, err
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(orDefault(c.ClientID, "millrace")),
		kgo.DialTimeout(5 * time.Second),
		kgo.RequestTimeoutOverhead(10 * time.Second),
		kgo.RequestRetries(2),
		kgo.RetryBackoffFn(backoff),
		kgo.DisableClientMetrics(),
		kgo.WithLogger(logger{log}),
	}
	if c.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(c.TLS))
	}
	if m != nil {
		opts = append(opts, kgo.SASL(m))
	}
	return opts, nil
}

// backoff is how long to wait after so many failures in a row.
func backoff(fails int) time.Duration {
	const first, most = 50 * time.Millisecond, 2 * time.Second
	if fails > 6 {
		return most
	}
	return min(first<<max(fails-1, 0), most)
}
