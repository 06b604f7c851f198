package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// parser reads variables and gathers what is wrong with them.
type parser struct {
	getenv func(string) string
	errs   []error
}

func (p *parser) fail(name, value, cure string) {
	p.errs = append(p.errs, fmt.Errorf("%s=%q: %s", name, value, cure))
}

func (p *parser) missing(name, example string) {
	if p.getenv(name+fileSuffix) == "" { // otherwise the file has been reported
		p.errs = append(p.errs, fmt.Errorf("%s is not set: want %s", name, example))
	}
}

// text returns a variable or what its file holds. A problem is reported once, however often the variable is read.
func (p *parser) text(name, usual string) string {
	value, err := lookup(p.getenv, name)
	if err != nil && !slices.ContainsFunc(p.errs, func(e error) bool { return e.Error() == err.Error() }) {
		p.errs = append(p.errs, err)
	}
	if value == "" {
		return usual
	}
	return value
}

const fileSuffix = "_FILE"

// lookup reads a variable, or the file that NAME_FILE names. Neither value is in the error: it may be a secret in the wrong place.
func lookup(getenv func(string) string, name string) (string, error) {
	value, file := getenv(name), getenv(name+fileSuffix)
	switch {
	case file == "":
		return value, nil
	case value != "":
		return "", fmt.Errorf("%s and %s%s are both set: leave one out", name, name, fileSuffix)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s%s: read the file: %w", name, fileSuffix, pathless(err))
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r"), nil
}

// pathless takes the path out of a file's error: a secret that was put into NAME_FILE by mistake would be shown as one.
func pathless(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Getenv is getenv that knows NAME_FILE for our variables. A file that cannot be read gives the empty string; Load reports it.
func Getenv(getenv func(string) string) func(string) string {
	return func(name string) string {
		if !slices.Contains(variables, name) {
			return getenv(name)
		}
		value, _ := lookup(getenv, name)
		return value
	}
}

// choice returns one of the words; the first one is the default.
func (p *parser) choice(name string, words ...string) string {
	value := p.text(name, words[0])
	if slices.Contains(words, value) {
		return value
	}
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
	p.fail(name, value, "want "+strings.Join(words, " or "))
	return value
}

func (p *parser) boolean(name string) bool {
	switch value := p.text(name, "false"); value {
	case "true":
		return true
	case "false":
	default:
		p.fail(name, value, "want true or false")
	}
	return false
}

func (p *parser) level(name string) slog.Level {
	value := p.text(name, "info")
	i := slices.Index([]string{"debug", "info", "warn", "error"}, strings.ToLower(value))
	if i < 0 {
		p.fail(name, value, "want debug, info, warn or error")
		return slog.LevelInfo
	}
	return [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}[i]
}

var identifier = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

// identifier reads a name that Postgres takes as it is, without quotes.
func (p *parser) identifier(name, usual string) string {
	value := p.text(name, usual)
	if !identifier.MatchString(value) || strings.HasPrefix(value, "pg_") {
		p.fail(name, value, "want 1 to 63 of a-z, 0-9 and _, not a digit first, not beginning with pg_")
	}
	return value
}

// address reads host:port; "off" gives the empty string.
func (p *parser) address(name, usual string) string {
	value := p.text(name, usual)
	if value == "off" {
		return ""
	}
	if _, port, err := net.SplitHostPort(value); err != nil || !isPort(port) {
		p.fail(name, value, `want host:port, :port or "off"`)
	}
	return value
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n <= 65535
}

// brokers reads host:port,host:port; 9092 is Kafka's port.
func (p *parser) brokers(name string) []string {
	value := p.text(name, "")
	if value == "" {
		p.missing(name, "host:port,host:port")
		return nil
	}
	var list []string
	for broker := range strings.SplitSeq(value, ",") {
		broker = strings.TrimSpace(broker)
		host, port, err := net.SplitHostPort(broker)
		if err != nil && !strings.Contains(broker, ":") {
			host, port, err = broker, "9092", nil
		}
		if err != nil || host == "" || !isPort(port) || port == "0" {
			p.fail(name, value, "want host:port,host:port")
			return nil
		}
		list = append(list, net.JoinHostPort(host, port))
	}
	return list
}

func (p *parser) mechanism(name string) Mechanism {
	value := p.text(name, "")
	switch m := Mechanism(strings.ToLower(value)); m {
	case "", Plain, ScramSHA256, ScramSHA512:
		return m
	case "oauthbearer":
		p.fail(name, value, "not in this version: use plain, scram-sha-256 or scram-sha-512")
	default:
		p.fail(name, value, "want plain, scram-sha-256 or scram-sha-512")
	}
	return ""
}

// reasons are what the driver may say of a URL, and what we say then.
var reasons = [...][2]string{
	{"failed to parse as URL", "it is not a URL; characters such as @ : / ? # % in the password must be percent-encoded"},
	{"failed to parse as keyword/value", "it is neither a URL nor keyword=value pairs"},
	{"invalid port", "its port is not a number from 1 to 65535"},
	{"failed to configure TLS", "its sslmode or certificates are not right"},
	{"invalid connect_timeout", "its connect_timeout is not right"},
	{"unknown target_session_attrs", "its target_session_attrs is not known"},
	{"failed to read service", "its service is not in the service file"},
	{"port numbers to", "it has another number of ports than of hosts"},
}

// reason says why the driver refuses a URL, in words of ours only (N3).
func reason(err error) string {
	for _, r := range reasons {
		if strings.Contains(err.Error(), r[0]) {
			return r[1]
		}
	}
	return "the driver refuses one of its settings"
}
