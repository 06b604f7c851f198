package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/millrace/millrace/internal/admin"
	"github.com/millrace/millrace/internal/batch"
	"github.com/millrace/millrace/internal/config"
	"github.com/millrace/millrace/internal/decode"
	"github.com/millrace/millrace/internal/engine"
	"github.com/millrace/millrace/internal/ingest"
	"github.com/millrace/millrace/internal/offsets"
	"github.com/millrace/millrace/internal/operators"
	"github.com/millrace/millrace/internal/pipeline"
	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/sinks"
	"github.com/millrace/millrace/internal/stateful"
)

// parts is everything that a running pipeline is made of.
type parts struct {
	plan     *plan.Pipeline
	instance string
	log      *slog.Logger
	status   *admin.Status
	metrics  *admin.Metrics

	ledger     *offsets.Ledger
	kafka      *ingest.Client
	topics     []ingest.Topic
	wanted     []offsets.Wanted
	partitions []batch.Partition // sorted
	tables     map[*plan.Sink]*sinks.Table
	consoles   map[*plan.Sink]*sinks.Console
	store      *stateful.Store // nil: the pipeline keeps no state
	engine     *engine.Engine
}

// stateMemory is how many bytes of decoded state are held in memory, about.
const stateMemory = 256 << 20

// open opens everything. What fails is an operator's to mend, so both servers are tried before it gives up (W1).
func open(ctx context.Context, o Options, p *parts) error {
	if err := errors.Join(p.openLedger(ctx, o.Config), p.openKafka(ctx, o.Config)); err != nil {
		return refuse(err)
	}
	if err := errors.Join(p.openSinks(ctx, o), p.openTopics(ctx)); err != nil {
		return refuse(err)
	}
	if err := p.openStore(ctx, o.Config.StateDir); err != nil {
		return refuse(err)
	}
	return p.openEngine()
}

func (p *parts) openLedger(ctx context.Context, c config.Config) error {
	l, err := offsets.Open(ctx, offsets.Config{ConnString: c.PostgresURL.Reveal(), Schema: c.LedgerSchema, Instance: c.Instance})
	if err != nil {
		return fmt.Errorf("postgres: %s", offsets.Explain(err))
	}
	p.ledger = l
	if err := l.Migrate(ctx); err != nil {
		return fmt.Errorf("ledger: %s", offsets.Explain(err))
	}
	p.status.Set(admin.Postgres, "")
	return nil
}

func (p *parts) openKafka(ctx context.Context, c config.Config) error {
	tls, err := c.Kafka.TLSConfig()
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	s := c.Kafka.SASL
	p.kafka, err = ingest.Open(ctx, ingest.Config{
		Brokers: c.Kafka.Brokers, TLS: tls, SASL: ingest.SASL{Mechanism: saslName(s.Mechanism), User: s.User, Password: s.Password.Reveal()},
		ClientID: "millrace-" + p.plan.Name, OpenTimeout: 10 * time.Second,
	}, p.log)
	if err != nil {
		return fmt.Errorf("kafka: %w; %s", err, brokerCure(err))
	}
	p.status.Set(admin.Kafka, "")
	return nil
}

// brokerCure says which settings an error of opening Kafka is about.
func brokerCure(err error) string {
	switch {
	case errors.Is(err, ingest.ErrTLS):
		return "look at MILLRACE_KAFKA_TLS and MILLRACE_KAFKA_TLS_CA, or take the listener's other port"
	case errors.Is(err, ingest.ErrSASL):
		return "look at MILLRACE_KAFKA_SASL_MECHANISM, MILLRACE_KAFKA_SASL_USER and MILLRACE_KAFKA_SASL_PASSWORD"
	case errors.Is(err, ingest.ErrTooOld):
		return "upgrade the brokers"
	}
	return "look at MILLRACE_KAFKA_BROKERS, and whether these addresses can be reached from here"
}

func saslName(m config.Mechanism) string {
	switch m {
	case config.Plain:
		return "PLAIN"
	case config.ScramSHA256:
		return "SCRAM-SHA-256"
	case config.ScramSHA512:
		return "SCRAM-SHA-512"
	}
	return ""
}

// openTopics looks the sources' topics up and resolves where new partitions begin.
func (p *parts) openTopics(ctx context.Context) error {
	var errs []error
	for _, s := range p.plan.Sources {
		t, err := p.kafka.Topic(ctx, s.Topic)
		if err != nil {
			errs = append(errs, fmt.Errorf("source %s: %w", s.Name, err))
			continue
		}
		start, err := p.kafka.Resolve(ctx, t, s.Start)
		if err != nil {
			errs = append(errs, fmt.Errorf("source %s: %w", s.Name, err))
			continue
		}
		p.topics = append(p.topics, t)
		for _, id := range t.Partitions {
			at := batch.Partition{Topic: t.Name, ID: id}
			p.partitions = append(p.partitions, at)
			p.wanted = append(p.wanted, offsets.Wanted{Partition: at, TopicID: t.ID, TopicPartitions: int32(len(t.Partitions)), Start: start[id]})
		}
	}
	return errors.Join(errs...)
}

// openSinks checks every table, on a connection of its own that is closed again.
func (p *parts) openSinks(ctx context.Context, o Options) error {
	conn, err := pgx.Connect(ctx, o.Config.PostgresURL.Reveal())
	if err != nil {
		return fmt.Errorf("postgres: %s", offsets.Explain(err))
	}
	defer func() { _ = conn.Close(ctx) }() // it has only read the catalog
	p.tables, p.consoles = map[*plan.Sink]*sinks.Table{}, map[*plan.Sink]*sinks.Console{}
	var errs []error
	for _, s := range p.plan.Sinks {
		if s.Console != nil {
			p.consoles[s] = sinks.OpenConsole(s, o.Stdout)
			continue
		}
		t, err := sinks.OpenTable(ctx, conn, s)
		if err != nil {
			errs = append(errs, err)
		}
		p.tables[s] = t
	}
	return errors.Join(errs...)
}

// stateful tells whether the plan keeps state between batches.
func stateOf(p *plan.Pipeline) map[string]string {
	kept := map[string]string{}
	for _, s := range p.Streams {
		for _, step := range s.Steps {
			if k, ok := step.(*plan.Keyed); ok && k.Stateful() {
				kept[k.ID] = k.Signature()
			}
		}
	}
	return kept
}

func (p *parts) openStore(ctx context.Context, dir string) error {
	if len(stateOf(p.plan)) == 0 {
		p.status.Set(admin.State, "")
		return nil
	}
	o := stateful.Options{Dir: dir, Pipeline: p.plan.Name, Shards: p.plan.Shards, HashVersion: uint8(operators.HashVersion()), Logger: p.log}
	s, err := stateful.Open(o)
	for end := time.Now().Add(lockPatience); errors.Is(err, stateful.ErrLocked) && time.Now().Before(end) && ctx.Err() == nil; {
		time.Sleep(50 * time.Millisecond)
		s, err = stateful.Open(o)
	}
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	p.store = s
	return nil
}

// lockPatience is how long a start waits for the state directory of a process that is just ending: one that was killed a moment ago holds its
// lock until the kernel has taken it apart.
const lockPatience = 5 * time.Second

func (p *parts) openEngine() error {
	lanes := p.plan.Workers
	if lanes == 0 {
		lanes = runtime.GOMAXPROCS(0)
	}
	var err error
	p.engine, err = engine.New(p.plan, engine.Wiring{
		Lanes: lanes, Memory: stateMemory, State: state{p.store}, Decoder: newDecoder, Buffer: p.newBuffer,
	})
	return err
}

func newDecoder(s *plan.Source) (engine.Decoder, error) { return decode.New(s) }

func (p *parts) newBuffer(s *plan.Sink) engine.Buffer {
	if s.Console != nil {
		return p.consoles[s].NewLines()
	}
	return p.tables[s].NewBuffer()
}

// request is what this instance claims: all partitions and shards.
func (p *parts) request(token batch.Token) offsets.ClaimRequest {
	hash := sha256.Sum256([]byte(pipeline.Explain(p.plan)))
	r := offsets.ClaimRequest{
		Pipeline: p.plan.Name, Instance: p.instance, PlanHash: hex.EncodeToString(hash[:16]), Signatures: stateOf(p.plan),
		Partitions: p.wanted, Token: token,
	}
	if p.store != nil {
		r.Shards = p.plan.Shards
	}
	return r
}

func (p *parts) close() {
	if p.engine != nil {
		p.engine.Close()
	}
	if p.store != nil {
		if err := p.store.Close(); err != nil {
			p.log.Warn("state not closed cleanly; it will be restored from the ledger", slog.String("error", err.Error()))
		}
	}
	if p.kafka != nil {
		p.kafka.Close()
	}
	if p.ledger != nil {
		p.ledger.Close()
	}
}
