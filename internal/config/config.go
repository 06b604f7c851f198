package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/jackc/pgx/v5/pgconn"
)

// Config is what the environment says.
type Config struct {
	Pipeline     string // the pipeline file; empty if the command line names it
	Kafka        Kafka
	PostgresURL  Secret
	LedgerSchema string
	StateDir     string
	HTTPAddr     string // empty: no HTTP
	Trigger      Trigger
	Group        string // the consumer group whose offsets are mirrored; empty: the pipeline's name decides
	Instance     string // the name that claims are made under
	LogLevel     slog.Level
	LogFormat    string // "text", "json" or "": text on a terminal, else json
}

// Trigger says when the service ends by itself.
type Trigger string

// The triggers.
const (
	OnInterval   Trigger = "interval"      // a batch each interval, for ever
	AvailableNow Trigger = "available-now" // what is there, then exit
)

// Kafka is how the brokers are reached.
type Kafka struct {
	Brokers []string
	TLS     TLS
	SASL    SASL
}

// TLS is on if it is asked for or any of its files is given.
type TLS struct {
	Enabled   bool
	CA        string // file of certificates to trust instead of the system's
	Cert, Key string // files of the client's own certificate; both or none
}

// Mechanism is how SASL proves who we are.
type Mechanism string

// The mechanisms; the empty one is no SASL.
const (
	Plain       Mechanism = "plain"
	ScramSHA256 Mechanism = "scram-sha-256"
	ScramSHA512 Mechanism = "scram-sha-512"
)

// SASL is who we are to the brokers.
type SASL struct {
	Mechanism Mechanism
	User      string
	Password  Secret
}

// Load reads the configuration. The error joins one problem a variable.
func Load(getenv func(string) string) (Config, error) {
	p := &parser{getenv: getenv}
	c := Config{
		Pipeline:     p.text("MILLRACE_PIPELINE", ""),
		Kafka:        p.kafka(),
		PostgresURL:  p.postgres("MILLRACE_POSTGRES_URL"),
		LedgerSchema: p.identifier("MILLRACE_LEDGER_SCHEMA", "millrace"),
		StateDir:     p.text("MILLRACE_STATE_DIR", "state"),
		HTTPAddr:     p.address("MILLRACE_HTTP_ADDR", ":8080"),
		Trigger:      Trigger(p.choice("MILLRACE_TRIGGER", string(OnInterval), string(AvailableNow))),
		Group:        p.text("MILLRACE_GROUP", ""),
		Instance:     p.text("MILLRACE_INSTANCE", ""),
		LogLevel:     p.level("MILLRACE_LOG_LEVEL"),
		LogFormat:    p.choice("MILLRACE_LOG_FORMAT", "", "text", "json"),
	}
	if c.Instance == "" {
		c.Instance = p.hostname()
	}
	for _, name := range forPipeline {
		p.text(name, "") // read here only to report a file that cannot be read
	}
	return c, errors.Join(p.errs...)
}

// forPipeline are the variables that override a pipeline file. The pipeline package reads them, through Getenv.
var forPipeline = []string{"MILLRACE_DELIVERY", "MILLRACE_INTERVAL", "MILLRACE_BATCH_MAX_RECORDS", "MILLRACE_BATCH_MAX_BYTES", "MILLRACE_WORKERS"}

func (p *parser) kafka() Kafka {
	k := Kafka{
		Brokers: p.brokers("MILLRACE_KAFKA_BROKERS"),
		TLS: TLS{
			CA:   p.text("MILLRACE_KAFKA_TLS_CA", ""),
			Cert: p.text("MILLRACE_KAFKA_TLS_CERT", ""),
			Key:  p.text("MILLRACE_KAFKA_TLS_KEY", ""),
		},
		SASL: SASL{
			Mechanism: p.mechanism("MILLRACE_KAFKA_SASL_MECHANISM"),
			User:      p.text("MILLRACE_KAFKA_SASL_USER", ""),
			Password:  Secret(p.text("MILLRACE_KAFKA_SASL_PASSWORD", "")),
		},
	}
	p.tls(&k.TLS)
	p.sasl(k)
	return k
}

// tls decides whether TLS is on, and refuses settings that contradict each other.
func (p *parser) tls(t *TLS) {
	const name = "MILLRACE_KAFKA_TLS"
	off := p.text(name, "") == "false"
	files := t.CA != "" || t.Cert != "" || t.Key != ""
	t.Enabled = p.boolean(name) || files
	if off && files {
		p.fail(name, "false", "leave out MILLRACE_KAFKA_TLS_CA, _CERT and _KEY, or set it to true")
	}
	if (t.Cert == "") != (t.Key == "") {
		p.fail("MILLRACE_KAFKA_TLS_CERT", t.Cert, "set MILLRACE_KAFKA_TLS_CERT and MILLRACE_KAFKA_TLS_KEY together")
	}
}

// sasl refuses half a login, and one that a listener on the wire could read.
func (p *parser) sasl(k Kafka) {
	const mechanism, insecure = "MILLRACE_KAFKA_SASL_MECHANISM", "MILLRACE_KAFKA_SASL_INSECURE"
	allowed := p.boolean(insecure)
	switch s := k.SASL; {
	case s.Mechanism == "" && (s.User != "" || s.Password != "") && p.text(mechanism, "") == "":
		p.fail(mechanism, "", "set it to plain, scram-sha-256 or scram-sha-512: a user or a password is set")
	case s.Mechanism == "":
	case s.User == "" || s.Password == "":
		p.fail(mechanism, string(s.Mechanism), "set MILLRACE_KAFKA_SASL_USER and MILLRACE_KAFKA_SASL_PASSWORD, too")
	case !k.TLS.Enabled && !allowed:
		p.fail(mechanism, string(s.Mechanism), "set MILLRACE_KAFKA_TLS=true: without TLS the login can be read on the way; "+insecure+"=true allows it")
	}
}

// postgres checks the URL as the driver reads it. The driver's own message is shortened to its reason, for it may hold parts of the URL (N3).
func (p *parser) postgres(name string) Secret {
	url := p.text(name, "")
	if url == "" {
		p.missing(name, "postgres://user:password@host:5432/database")
		return ""
	}
	if _, err := pgconn.ParseConfig(url); err != nil {
		p.errs = append(p.errs, fmt.Errorf("%s: %s; want postgres://user:password@host:5432/database", name, reason(err)))
	}
	return Secret(url)
}

func (p *parser) hostname() string {
	name, err := os.Hostname()
	if err != nil {
		p.errs = append(p.errs, fmt.Errorf("MILLRACE_INSTANCE: read the host's name: %w; set it", err))
	}
	return name
}
