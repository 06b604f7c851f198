package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// ErrNoCertificate is returned when a file that should hold certificates to trust holds none. Nothing was changed; name a PEM file.
var ErrNoCertificate = errors.New("config: no certificate in the file")

// TLSConfig returns how to speak TLS to the brokers; nil if TLS is off. It reads the files that the configuration names.
func (k Kafka) TLSConfig() (*tls.Config, error) {
	if !k.TLS.Enabled {
		return nil, nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if k.TLS.CA != "" {
		pool, err := trusted(k.TLS.CA)
		if err != nil {
			return nil, err
		}
		c.RootCAs = pool
	}
	if k.TLS.Cert != "" {
		own, err := tls.LoadX509KeyPair(k.TLS.Cert, k.TLS.Key)
		if err != nil {
			return nil, fmt.Errorf("load the client's certificate (MILLRACE_KAFKA_TLS_CERT, MILLRACE_KAFKA_TLS_KEY): %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

func trusted(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read MILLRACE_KAFKA_TLS_CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read MILLRACE_KAFKA_TLS_CA %s: %w", file, ErrNoCertificate)
	}
	return pool, nil
}
