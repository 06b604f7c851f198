package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/spelling"
)

const prefix = "MILLRACE_"

// variables is every variable that we read; each also exists as NAME_FILE.
var variables = []string{
	"MILLRACE_PIPELINE",
	"MILLRACE_KAFKA_BROKERS", "MILLRACE_KAFKA_TLS", "MILLRACE_KAFKA_TLS_CA", "MILLRACE_KAFKA_TLS_CERT", "MILLRACE_KAFKA_TLS_KEY",
	"MILLRACE_KAFKA_SASL_MECHANISM", "MILLRACE_KAFKA_SASL_USER", "MILLRACE_KAFKA_SASL_PASSWORD", "MILLRACE_KAFKA_SASL_INSECURE",
	"MILLRACE_POSTGRES_URL", "MILLRACE_LEDGER_SCHEMA",
	"MILLRACE_DELIVERY", "MILLRACE_INTERVAL", "MILLRACE_BATCH_MAX_RECORDS", "MILLRACE_BATCH_MAX_BYTES", "MILLRACE_WORKERS",
	"MILLRACE_STATE_DIR", "MILLRACE_HTTP_ADDR", "MILLRACE_TRIGGER", "MILLRACE_GROUP", "MILLRACE_INSTANCE",
	"MILLRACE_LOG_LEVEL", "MILLRACE_LOG_FORMAT",
}

// foreign are names that carry our prefix and are not configuration: those of tests, of the demo's cache, of the compose file, and those that Kubernetes sets in every pod of a
// namespace that has a Service called millrace or millrace-something (MILLRACE_SERVICE_HOST, MILLRACE_PORT_8080_TCP_ADDR, …).
var foreign = []*regexp.Regexp{
	regexp.MustCompile(`^MILLRACE_TEST_`),
	regexp.MustCompile(`^MILLRACE_(CRASH|STOP)_AT`),
	regexp.MustCompile(`^MILLRACE_(CACHE|IMAGE)$`),
	regexp.MustCompile(`_SERVICE_(HOST|PORT)(_[A-Z0-9_]+)?$`),
	regexp.MustCompile(`_PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$`),
}

// CheckNames reports variables with our prefix that we do not read (N4). environ is as os.Environ gives it.
func CheckNames(environ []string) error {
	var errs []error
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, prefix) || known(name) {
			continue
		}
		errs = append(errs, fmt.Errorf("%s is not a variable of ours: did you mean %s?", name, nearest(name)))
	}
	return errors.Join(errs...)
}

func known(name string) bool {
	return slices.Contains(variables, strings.TrimSuffix(name, fileSuffix)) || slices.Contains(variables, name) ||
		slices.ContainsFunc(foreign, func(f *regexp.Regexp) bool { return f.MatchString(name) })
}

// nearest returns the variable with the fewest edits to name; the first of equals.
func nearest(name string) string {
	return slices.MinFunc(variables, func(a, b string) int { return spelling.Distance(name, a) - spelling.Distance(name, b) })
}
