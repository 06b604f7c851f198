package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestALoginGoesOverTLSUnlessThePlainWireIsAsked(t *testing.T) {
	login := []string{"MILLRACE_KAFKA_SASL_MECHANISM=plain", "MILLRACE_KAFKA_SASL_USER=u", "MILLRACE_KAFKA_SASL_PASSWORD=" + password}
	_, err := Load(env(login...))
	require.EqualError(t, err, `MILLRACE_KAFKA_SASL_MECHANISM="plain": set MILLRACE_KAFKA_TLS=true: without TLS the login can be read on the way; `+
		`MILLRACE_KAFKA_SASL_INSECURE=true allows it`)
	for _, allowed := range []string{"MILLRACE_KAFKA_SASL_INSECURE=true", "MILLRACE_KAFKA_TLS=true", "MILLRACE_KAFKA_TLS_CA=ca.pem"} {
		_, err = Load(env(append(login, allowed)...))
		require.NoError(t, err, allowed)
	}
}

func TestHalfALoginIsAnError(t *testing.T) {
	for want, set := range map[string][]string{
		"set MILLRACE_KAFKA_SASL_USER and MILLRACE_KAFKA_SASL_PASSWORD, too": {"MILLRACE_KAFKA_SASL_MECHANISM=scram-sha-256", "MILLRACE_KAFKA_SASL_USER=u"},
		"a user or a password is set":                                        {"MILLRACE_KAFKA_SASL_PASSWORD=" + password},
		"not in this version":                                                {"MILLRACE_KAFKA_SASL_MECHANISM=oauthbearer"},
		"want plain, scram-sha-256 or scram-sha-512":                         {"MILLRACE_KAFKA_SASL_MECHANISM=gssapi"},
		"set MILLRACE_KAFKA_TLS_CERT and MILLRACE_KAFKA_TLS_KEY together":    {"MILLRACE_KAFKA_TLS_KEY=key.pem"},
		"or set it to true":                                                  {"MILLRACE_KAFKA_TLS=false", "MILLRACE_KAFKA_TLS_CA=ca.pem"},
	} {
		_, err := Load(env(set...))
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), password)
	}
}

func TestWithoutTLSThereIsNoTLSConfig(t *testing.T) {
	c, err := Kafka{}.TLSConfig()
	require.NoError(t, err)
	require.Nil(t, c)
}

func TestTheTLSFilesMakeAHandshakeThatBothSidesVerify(t *testing.T) {
	ca, cert, key := certificate(t)
	client, err := Kafka{TLS: TLS{Enabled: true, CA: ca, Cert: cert, Key: key}}.TLSConfig()
	require.NoError(t, err)
	client.ServerName = "localhost"
	server := &tls.Config{Certificates: client.Certificates, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: client.RootCAs}
	require.NoError(t, handshake(t, client, server))

	stranger, err := Kafka{TLS: TLS{Enabled: true}}.TLSConfig()
	require.NoError(t, err)
	stranger.ServerName = "localhost"
	require.Error(t, handshake(t, stranger, server), "the system does not trust this certificate")
}

func TestATLSFileThatIsNotOneIsNamed(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err := Kafka{TLS: TLS{Enabled: true, CA: empty}}.TLSConfig()
	require.ErrorIs(t, err, ErrNoCertificate)
	_, err = Kafka{TLS: TLS{Enabled: true, CA: "/nowhere"}}.TLSConfig()
	require.ErrorContains(t, err, "MILLRACE_KAFKA_TLS_CA")
	_, err = Kafka{TLS: TLS{Enabled: true, Cert: empty, Key: empty}}.TLSConfig()
	require.ErrorContains(t, err, "MILLRACE_KAFKA_TLS_CERT")
}

// handshake returns the client's error of a handshake over loopback; over a net.Pipe, which has no buffer, two alerts would wait for each
// other for ever.
func handshake(t *testing.T, client, server *tls.Config) error {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", server)
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // a failure shows on the client's side
		_ = conn.(*tls.Conn).Handshake()
		_ = conn.Close()
	}()
	dialer := &tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: client}
	conn, err := dialer.DialContext(t.Context(), "tcp", listener.Addr().String())
	if err == nil {
		err = conn.Close()
	}
	<-done
	require.NoError(t, listener.Close())
	return err
}

// certificate writes a self-signed certificate for localhost, as CA, certificate and key.
func certificate(t *testing.T) (ca, cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	secret, err := x509.MarshalECPrivateKey(private)
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(name, kind string, bytes []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600))
		return path
	}
	return write("ca.pem", "CERTIFICATE", der), write("cert.pem", "CERTIFICATE", der), write("key.pem", "EC PRIVATE KEY", secret)
}
