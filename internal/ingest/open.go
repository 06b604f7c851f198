package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Errors of Open, for whoever wants to tell them apart; their text says what to do.
var (
	// ErrUnreachable: no broker answered in time. Nothing is known about the configuration otherwise.
	ErrUnreachable = errors.New("no broker could be reached")
	// ErrTLS: one side speaks TLS and the other does not, or the certificate is refused. Retrying does not help.
	ErrTLS = errors.New("TLS does not fit the broker's listener")
	// ErrSASL: the broker refused who we say we are. Retrying does not help.
	ErrSASL = errors.New("the broker refused the SASL login")
	// ErrTooOld: the broker lacks a request that exactly-once reading needs. Retrying does not help.
	ErrTooOld = errors.New("the broker is too old: Kafka 2.5 or newer is needed")
)

// Client is a connection to one Kafka cluster. It is safe for concurrent use.
type Client struct {
	kc     *kgo.Client
	log    *slog.Logger
	limits Limits
}

// Open connects. It returns when a broker has answered, or with an error in an operator's words: at once for what only an operator can
// change, after Config.OpenTimeout for what might pass.
func Open(ctx context.Context, cfg Config, log *slog.Logger) (*Client, error) {
	if len(cfg.Brokers) == 0 {
		return nil, errors.New("open kafka: no broker is named: set MILLRACE_KAFKA_BROKERS to host:port,…")
	}
	opts, err := cfg.options(log)
	if err != nil {
		return nil, fmt.Errorf("open kafka: %w", err)
	}
	kc, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("open kafka: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, orDefault(cfg.OpenTimeout, 15*time.Second))
	defer cancel()
	if err := knock(ctx, kc, cfg); err != nil {
		kc.Close()
		return nil, fmt.Errorf("open kafka: %w", err)
	}
	return &Client{kc: kc, log: log, limits: cfg.Limits.withDefaults()}, nil
}

// Close ends all connections. Consumers must have been closed before.
func (c *Client) Close() { c.kc.Close() }

// knock asks every seed for its versions, again and again, until one answers. What a seed said last is told, not that time ran out on
// the attempt after it.
func knock(ctx context.Context, kc *kgo.Client, cfg Config) error {
	var errs []error
	for {
		last := errs
		errs = knockOnce(ctx, kc)
		var lines []string
		for i, err := range errs {
			if err == nil {
				return nil
			}
			if errors.Is(err, context.DeadlineExceeded) && last != nil {
				errs[i], err = last[i], last[i]
			}
			lines = append(lines, cfg.Brokers[min(i, len(cfg.Brokers)-1)]+": "+explain(err, cfg))
		}
		kind := verdict(errs)
		if !errors.Is(kind, ErrUnreachable) || !sleep(ctx, 500*time.Millisecond) {
			return fmt.Errorf("%w: %s", kind, strings.Join(lines, "; "))
		}
	}
}

// knockOnce asks all seeds side by side; the errors are in the order of the seeds.
func knockOnce(ctx context.Context, kc *kgo.Client) []error {
	ctx, cancel := context.WithTimeout(ctx, 6*time.Second)
	defer cancel()
	seeds := kc.SeedBrokers()
	errs := make([]error, len(seeds))
	done := make(chan struct{})
	for i, b := range seeds {
		go func() {
			errs[i] = ask(ctx, b)
			done <- struct{}{}
		}()
	}
	for range seeds {
		<-done
	}
	return errs
}

func ask(ctx context.Context, b *kgo.Broker) error {
	req := kmsg.NewPtrApiVersionsRequest()
	req.ClientSoftwareName, req.ClientSoftwareVersion = "millrace", "1" // brokers refuse an empty one
	resp, err := b.Request(ctx, req)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.(*kmsg.ApiVersionsResponse).ErrorCode); err != nil {
		return err
	}
	return recent(resp.(*kmsg.ApiVersionsResponse))
}

// need are the versions without which positions cannot be kept safely: epochs in Fetch, ListOffsets and OffsetForLeaderEpoch (KIP-320).
var need = []struct {
	key, version int16
	name         string
}{{1, 11, "Fetch"}, {2, 5, "ListOffsets"}, {3, 5, "Metadata"}, {23, 3, "OffsetForLeaderEpoch"}}

func recent(r *kmsg.ApiVersionsResponse) error {
	has := map[int16]int16{}
	for _, k := range r.ApiKeys {
		has[k.ApiKey] = k.MaxVersion
	}
	for _, n := range need {
		if v, ok := has[n.key]; !ok || v < n.version {
			return fmt.Errorf("%w: it has no %s v%d", ErrTooOld, n.name, n.version)
		}
	}
	return nil
}

// verdict sums the errors of all seeds up: what only an operator can change goes before what may pass.
func verdict(errs []error) error {
	for _, kind := range []struct {
		is  func(error) bool
		err error
	}{{saslRefused, ErrSASL}, {tlsMismatch, ErrTLS}, {func(err error) bool { return errors.Is(err, ErrTooOld) }, ErrTooOld}} {
		for _, err := range errs {
			if kind.is(err) {
				return kind.err
			}
		}
	}
	return ErrUnreachable
}

func saslRefused(err error) bool {
	for _, e := range []error{kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// tlsMismatch tells certificate trouble and a listener that speaks something else. A broker that closes a connection at the first
// byte is one of these too: a TLS listener that was sent plaintext, a plaintext one that was sent TLS, or one that wants SASL.
func tlsMismatch(err error) bool {
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	var eof *kgo.ErrFirstReadEOF
	return errors.As(err, &record) || errors.As(err, &verify) || errors.As(err, &eof) ||
		strings.Contains(err.Error(), "speaking to a tls endpoint")
}

// explain says in one line what an error of a seed means under this configuration.
func explain(err error, cfg Config) string {
	var eof *kgo.ErrFirstReadEOF
	switch {
	case saslRefused(err):
		return fmt.Sprintf("%v (mechanism %q, user %q): check MILLRACE_KAFKA_SASL_MECHANISM, _USER and _PASSWORD", err, cfg.SASL.Mechanism, cfg.SASL.User)
	case errors.As(err, &eof) && cfg.TLS == nil && cfg.SASL.Mechanism == "":
		return "it closed the connection at once: it wants TLS (MILLRACE_KAFKA_TLS) or SASL (MILLRACE_KAFKA_SASL_MECHANISM)"
	case errors.Is(err, io.EOF) && cfg.SASL.Mechanism != "":
		return "it closed the connection during the login: check MILLRACE_KAFKA_SASL_MECHANISM, _USER and _PASSWORD, and that MILLRACE_KAFKA_TLS is what this listener speaks"
	case errors.Is(err, context.DeadlineExceeded) && cfg.TLS != nil:
		return "it does not answer the TLS handshake: check that MILLRACE_KAFKA_TLS is what this listener speaks"
	case errors.As(err, &eof), errors.Is(err, io.EOF):
		return "it closed the connection at once: check that MILLRACE_KAFKA_TLS is what this listener speaks"
	case tlsMismatch(err) && cfg.TLS == nil:
		return "it speaks TLS and MILLRACE_KAFKA_TLS is off"
	case tlsMismatch(err):
		return fmt.Sprintf("TLS handshake: %v: check MILLRACE_KAFKA_TLS and MILLRACE_KAFKA_TLS_CA", err)
	}
	return err.Error()
}

// sleep waits, and tells whether it was not cut short.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
