package config

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const password = "hunter2-Geheim"

// env is a getenv over pairs, on top of the two variables that must be set.
func env(pairs ...string) func(string) string {
	all := map[string]string{"MILLRACE_KAFKA_BROKERS": "localhost:9092", "MILLRACE_POSTGRES_URL": "postgres://u:" + password + "@db:5432/d"}
	for _, p := range pairs {
		name, value, _ := strings.Cut(p, "=")
		all[name] = value
	}
	return func(name string) string { return all[name] }
}

func TestTwoVariablesAreEnoughAndTheRestHasDefaults(t *testing.T) {
	host, err := os.Hostname()
	require.NoError(t, err)
	c, err := Load(env())
	require.NoError(t, err)
	require.Equal(t, Config{
		Kafka:        Kafka{Brokers: []string{"localhost:9092"}},
		PostgresURL:  Secret("postgres://u:" + password + "@db:5432/d"),
		LedgerSchema: "millrace", StateDir: "state", HTTPAddr: ":8080", Trigger: OnInterval, Instance: host, LogLevel: slog.LevelInfo,
	}, c)
}

func TestEveryVariableIsRead(t *testing.T) {
	c, err := Load(env("MILLRACE_PIPELINE=p.yaml", "MILLRACE_KAFKA_BROKERS=a, b:1,[::1]:9093", "MILLRACE_KAFKA_TLS=true", "MILLRACE_KAFKA_TLS_CA=ca",
		"MILLRACE_KAFKA_TLS_CERT=cert", "MILLRACE_KAFKA_TLS_KEY=key", "MILLRACE_KAFKA_SASL_MECHANISM=SCRAM-SHA-512", "MILLRACE_KAFKA_SASL_USER=me",
		"MILLRACE_KAFKA_SASL_PASSWORD=pw", "MILLRACE_LEDGER_SCHEMA=led", "MILLRACE_STATE_DIR=/s", "MILLRACE_HTTP_ADDR=off",
		"MILLRACE_TRIGGER=available-now", "MILLRACE_GROUP=g", "MILLRACE_INSTANCE=i", "MILLRACE_LOG_LEVEL=debug", "MILLRACE_LOG_FORMAT=json"))
	require.NoError(t, err)
	require.Equal(t, Config{
		Pipeline: "p.yaml",
		Kafka: Kafka{
			Brokers: []string{"a:9092", "b:1", "[::1]:9093"}, TLS: TLS{Enabled: true, CA: "ca", Cert: "cert", Key: "key"},
			SASL: SASL{Mechanism: ScramSHA512, User: "me", Password: "pw"},
		},
		PostgresURL: Secret("postgres://u:" + password + "@db:5432/d"), LedgerSchema: "led", StateDir: "/s", Trigger: AvailableNow,
		Group: "g", Instance: "i", LogLevel: slog.LevelDebug, LogFormat: "json",
	}, c)
}

func TestEveryBadVariableIsReportedAtOnce(t *testing.T) {
	_, err := Load(env("MILLRACE_KAFKA_BROKERS=a:b", "MILLRACE_KAFKA_TLS=yes", "MILLRACE_LEDGER_SCHEMA=pg_x", "MILLRACE_HTTP_ADDR=8080",
		"MILLRACE_TRIGGER=once", "MILLRACE_LOG_LEVEL=loud", "MILLRACE_LOG_FORMAT=xml", "MILLRACE_POSTGRES_URL="))
	require.EqualError(t, err, strings.Join([]string{
		`MILLRACE_KAFKA_BROKERS="a:b": want host:port,host:port`,
		`MILLRACE_KAFKA_TLS="yes": want true or false`,
		`MILLRACE_POSTGRES_URL is not set: want postgres://user:password@host:5432/database`,
		`MILLRACE_LEDGER_SCHEMA="pg_x": want 1 to 63 of a-z, 0-9 and _, not a digit first, not beginning with pg_`,
		`MILLRACE_HTTP_ADDR="8080": want host:port, :port or "off"`,
		`MILLRACE_TRIGGER="once": want interval or available-now`,
		`MILLRACE_LOG_LEVEL="loud": want debug, info, warn or error`,
		`MILLRACE_LOG_FORMAT="xml": want text or json`,
	}, "\n"))
}

func TestAVariableCanBeTheNameOfAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "url")
	const url = "postgres://u:p@h/d"
	for content, want := range map[string]string{url + "\n": url, url: url, url + "\r\n": url} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		c, err := Load(env("MILLRACE_POSTGRES_URL=", "MILLRACE_POSTGRES_URL_FILE="+file))
		require.NoError(t, err)
		require.Equal(t, want, c.PostgresURL.Reveal())
	}
	require.NoError(t, os.WriteFile(file, []byte("a\n\n"), 0o600))
	require.Equal(t, "a\n", Getenv(env("MILLRACE_INTERVAL_FILE="+file))("MILLRACE_INTERVAL"), "one newline, no more")
	require.Empty(t, Getenv(env("OTHER_FILE="+file))("OTHER"), "only our variables")
}

func TestEveryVariableHasAFileFormAndBothFormsAreAnError(t *testing.T) {
	for _, name := range variables {
		_, err := Load(env(name+"=x", name+"_FILE=/nowhere"))
		require.ErrorContains(t, err, name+" and "+name+"_FILE are both set", name)
		_, err = Load(env(name+"=", name+"_FILE=/nowhere/at/all"))
		require.ErrorContains(t, err, name+"_FILE: read the file: no such file or directory", name)
		require.Equal(t, 1, strings.Count(err.Error(), name+"_FILE"), "once: %v", err)
		require.NotContains(t, err.Error(), "/nowhere", "it may be a secret in the wrong variable")
		require.NotContains(t, err.Error(), name+" is not set")
	}
}

func TestATypoInAVariableIsAnError(t *testing.T) {
	require.NoError(t, CheckNames([]string{"PATH=x", "MILLRACE_INTERVAL=1s", "MILLRACE_POSTGRES_URL_FILE=/x", "MILLRACE_TEST_X=1",
		"MILLRACE_CRASH_AT=a", "MILLRACE_STOP_AT=a", "MILLRACE_SERVICE_HOST=10.0.0.1", "MILLRACE_SERVICE_PORT_HTTP=80", "MILLRACE_PORT=tcp://10.0.0.1:80",
		"MILLRACE_PORT_8080_TCP_ADDR=10.0.0.1", "MILLRACE_METRICS_SERVICE_PORT=1"}))
	require.EqualError(t, CheckNames([]string{"MILLRACE_KAFKA_BROKER=" + password, "MILLRACE_INTERVALL=1s"}), strings.Join([]string{
		"MILLRACE_INTERVALL is not a variable of ours: did you mean MILLRACE_INTERVAL?",
		"MILLRACE_KAFKA_BROKER is not a variable of ours: did you mean MILLRACE_KAFKA_BROKERS?",
	}, "\n"))
}

func TestASecretIsNeverPrinted(t *testing.T) {
	c, err := Load(env("MILLRACE_KAFKA_SASL_MECHANISM=plain", "MILLRACE_KAFKA_SASL_USER=u", "MILLRACE_KAFKA_SASL_PASSWORD="+password, "MILLRACE_KAFKA_TLS=true"))
	require.NoError(t, err)
	var log strings.Builder
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("config", "config", c, "url", c.PostgresURL)
	}
	out, err := json.Marshal(c)
	require.NoError(t, err)
	for _, shown := range []string{log.String(), string(out), fmt.Sprint(c), fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c.PostgresURL, c.PostgresURL),
		verbs(c.PostgresURL), verbs(c)} {
		require.NotContains(t, shown, password)
		require.NotContains(t, strings.ToLower(shown), fmt.Sprintf("%x", password))
		require.Contains(t, shown, redacted)
	}
	require.Contains(t, c.PostgresURL.Reveal(), password)
}

// verbs prints a value by every verb, also those that do not fit it.
func verbs(v any) string {
	var out strings.Builder
	for _, verb := range "vsqxXdtTbceEfFgGoOUp" {
		if verb != 'T' && verb != 'p' { // these do not look at the value
			fmt.Fprintf(&out, "%"+string(verb), v)
		}
	}
	return out.String()
}

func TestABadPostgresURLIsRefusedWithoutShowingIt(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://u:" + password + "@h:port/d":                             "port",
		"postgres://u:" + password + "/x@h:5432/d":                           "",
		"postgres://u:%zz" + password + "@h/d":                               "percent-encoded",
		"host=h password=" + password + " " + password:                       "keyword=value",
		"postgres://h/d?sslmode=" + password:                                 "sslmode",
		"postgres://u:" + password + "@h/d?target_session_attrs=" + password: "target_session_attrs",
		"postgres://u:" + password + "@h/d?connect_timeout=" + password:      "connect_timeout",
		password: "keyword=value",
	} {
		_, err := Load(env("MILLRACE_POSTGRES_URL=" + url))
		require.Error(t, err, url)
		require.ErrorContains(t, err, "MILLRACE_POSTGRES_URL: ")
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), password)
		for ; err != nil; err = unwrapped(err) {
			require.NotContains(t, fmt.Sprintf("%#v", err), password)
		}
	}
}

func unwrapped(err error) error {
	switch e := err.(type) { //nolint:errorlint // it takes the chain apart, link by link
	case interface{ Unwrap() error }:
		return e.Unwrap()
	case interface{ Unwrap() []error }:
		return e.Unwrap()[0]
	}
	return nil
}
