package ingest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

func open(t *testing.T, cfg Config) error {
	t.Helper()
	if cfg.OpenTimeout == 0 {
		cfg.OpenTimeout = 5 * time.Second
	}
	c, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err == nil {
		c.Close()
	}
	return err
}

func cluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(1, "orders")}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func TestNoBrokerAtAllIsSaidAddressByAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l.Close()
	began := time.Now()
	err = open(t, Config{Brokers: []string{l.Addr().String(), "no-such-host.invalid:9092"}, OpenTimeout: time.Second})
	require.ErrorIs(t, err, ErrUnreachable)
	require.ErrorContains(t, err, l.Addr().String()+": ")
	require.ErrorContains(t, err, "connection refused")
	require.ErrorContains(t, err, "no-such-host.invalid:9092: ")
	require.Less(t, time.Since(began), 10*time.Second)
	require.ErrorContains(t, open(t, Config{}), "set MILLRACE_KAFKA_BROKERS")
}

func TestOneBrokerOfSeveralIsEnough(t *testing.T) {
	require.NoError(t, open(t, Config{Brokers: []string{"127.0.0.1:1", cluster(t).ListenAddrs()[0]}}))
}

func TestTLSThatDoesNotFitIsSaidAtOnce(t *testing.T) {
	server, roots := certificate(t)
	secure, plain := cluster(t, kfake.TLS(server)).ListenAddrs(), cluster(t).ListenAddrs()
	require.NoError(t, open(t, Config{Brokers: secure, TLS: &tls.Config{RootCAs: roots, ServerName: "localhost"}}))
	for name, cfg := range map[string]Config{
		"we speak plaintext, the broker TLS": {Brokers: secure},
		"the certificate is not trusted":     {Brokers: secure, TLS: &tls.Config{ServerName: "localhost"}},
	} {
		began := time.Now()
		err := open(t, cfg)
		require.ErrorIs(t, err, ErrTLS, name)
		require.ErrorContains(t, err, "MILLRACE_KAFKA_TLS", name)
		require.Less(t, time.Since(began), 4*time.Second, name)
	}
	// a real broker closes the connection; kfake waits for the rest of what it takes for a giant request
	err := open(t, Config{Brokers: plain, TLS: &tls.Config{RootCAs: roots, ServerName: "localhost"}, OpenTimeout: time.Second})
	require.ErrorContains(t, err, "it does not answer the TLS handshake: check that MILLRACE_KAFKA_TLS is what this listener speaks")
}

func TestALoginThatIsRefusedIsSaidAtOnce(t *testing.T) {
	k := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "u", "p"), kfake.Superuser("SCRAM-SHA-256", "u", "p"), kfake.Superuser("SCRAM-SHA-512", "u", "p"))
	mechanisms := []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}
	for _, m := range mechanisms {
		require.NoError(t, open(t, Config{Brokers: k.ListenAddrs(), SASL: SASL{m, "u", "p"}}), m)
	}
	err := open(t, Config{Brokers: k.ListenAddrs(), SASL: SASL{"PLAIN", "u", "wrong secret"}, OpenTimeout: 3 * time.Second}) // kfake hangs up
	require.ErrorContains(t, err, "it closed the connection during the login: check MILLRACE_KAFKA_SASL_MECHANISM")
	k.ControlKey(int16(kmsg.SASLAuthenticate), func(req kmsg.Request) (kmsg.Response, error, bool) { // as a real broker answers
		k.KeepControl()
		resp := req.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		resp.ErrorCode, resp.ErrorMessage = 58, kmsg.StringPtr("Authentication failed: Invalid username or password")
		return resp, nil, true
	})
	for _, m := range mechanisms {
		began := time.Now()
		err := open(t, Config{Brokers: k.ListenAddrs(), SASL: SASL{m, "u", "wrong secret"}})
		require.ErrorIs(t, err, ErrSASL, m)
		require.ErrorContains(t, err, `user "u"`)
		require.NotContains(t, err.Error(), "wrong secret")
		require.Less(t, time.Since(began), 4*time.Second)
	}
	require.ErrorContains(t, open(t, Config{Brokers: k.ListenAddrs(), SASL: SASL{Mechanism: "PLAN"}}), `SASL mechanism "PLAN": want PLAIN`)
}

func TestALoginThatIsMissingIsSaid(t *testing.T) {
	addrs := cluster(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "u", "p")).ListenAddrs()
	c, err := Open(t.Context(), Config{Brokers: addrs, OpenTimeout: 3 * time.Second}, slog.New(slog.DiscardHandler))
	if err == nil { // kfake answers ApiVersions before the login; a broker may too
		_, err = c.Topic(t.Context(), "orders")
		c.Close()
	}
	require.ErrorContains(t, err, "SASL")
}

func TestABrokerThatIsTooOldIsSaid(t *testing.T) {
	addrs := cluster(t, kfake.MaxVersions(kversion.V2_2_0())).ListenAddrs()
	require.ErrorIs(t, open(t, Config{Brokers: addrs}), ErrTooOld)
}

func TestATopicThatIsMissingNamesThoseThatAreAlike(t *testing.T) {
	c, err := Open(t.Context(), Config{Brokers: cluster(t, kfake.SeedTopics(1, "orders", "orders-eu", "clicks")).ListenAddrs()}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	defer c.Close()
	for name, want := range map[string]string{
		"order":   `look up topic "order": the topic does not exist: did you mean orders, orders-eu?`,
		"ORDERS":  `look up topic "ORDERS": the topic does not exist: did you mean orders, orders-eu?`,
		"clikcs":  `look up topic "clikcs": the topic does not exist: did you mean clicks?`,
		"flights": `look up topic "flights": the topic does not exist: create it, or correct its name`,
	} {
		_, err := c.Topic(t.Context(), name)
		require.ErrorIs(t, err, ErrNoTopic)
		require.EqualError(t, err, want)
	}
}

func TestATopicThatIsForbiddenSaysWhatIsNeeded(t *testing.T) {
	k := start(t, 3, quick)
	require.Equal(t, []int32{0, 1, 2}, k.topic.Partitions)
	require.NotZero(t, k.topic.ID)
	k.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		rt := kmsg.NewMetadataResponseTopic()
		rt.Topic, rt.ErrorCode = kmsg.StringPtr("t"), 29
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	_, err := k.client.Topic(t.Context(), "t")
	require.ErrorIs(t, err, ErrDenied)
	require.ErrorContains(t, err, "the client needs DESCRIBE and READ on the topic")
}

func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots
}
