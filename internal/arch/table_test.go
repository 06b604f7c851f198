package arch

// mayImport is the import table: for every package what else of the project its code (not its tests) may import. A line that grows
// is a decision about the architecture: make it here, on purpose, and say why in the commit.
var mayImport = map[string][]string{
	// words and pure decisions; no I/O below this line until engine
	"internal/row":          {},
	"internal/spelling":     {},
	"internal/expr/syntax":  {},
	"internal/expr/pgnum":   {},
	"internal/expr/pgtime":  {"internal/row"},
	"internal/expr/pgregex": {"internal/row"},
	"internal/expr":         {"internal/expr/syntax", "internal/expr/pgnum", "internal/expr/pgregex", "internal/expr/pgtime", "internal/row", "internal/spelling"},
	"internal/batch":        {},
	"internal/plan":         {"internal/batch", "internal/expr", "internal/row"},
	"internal/pipeline":     {"internal/batch", "internal/expr", "internal/plan", "internal/row", "internal/spelling"},
	"internal/decode":       {"internal/expr", "internal/expr/pgnum", "internal/expr/pgtime", "internal/plan", "internal/row"},
	"internal/operators":    {"internal/expr", "internal/expr/pgnum", "internal/plan", "internal/row"},
	"internal/engine":       {"internal/batch", "internal/expr", "internal/operators", "internal/plan", "internal/row"},

	// one outside system each
	"internal/crash":    {},
	"internal/ingest":   {"internal/batch", "internal/plan", "internal/spelling"},
	"internal/stateful": {"internal/batch", "internal/crash"},
	"internal/offsets":  {"internal/batch", "internal/crash", "internal/plan"},
	"internal/sinks":    {"internal/batch", "internal/expr", "internal/plan", "internal/row"}, // expr: Postgres's text of a value, for the console
	"internal/admin":    {"internal/batch"},
	"internal/config":   {"internal/spelling"},

	// wiring
	"internal/app": {
		"internal/admin", "internal/batch", "internal/config", "internal/crash", "internal/decode", "internal/engine", "internal/ingest",
		"internal/offsets", "internal/operators", "internal/pipeline", "internal/plan", "internal/row", "internal/sinks", "internal/stateful",
	},
	"internal/demo": {"examples/flights", "internal/app", "internal/config", "internal/embedpg", "internal/pipeline", "internal/plan"},
	"cmd/processor": {
		"internal/app", "internal/config", "internal/demo", "internal/offsets", "internal/pipeline", "internal/plan",
	},

	// servers and examples for the demo and for tests
	"examples/flights":    {},
	"internal/embedpg":    {},
	"internal/testkit":    {"internal/embedpg"},
	"internal/arch":       {},
	"integration/harness": {},
}

// driver is an outside system: who may import the library that speaks to it.
type driver struct {
	path string // of the import, and everything below it
	only []string
}

var drivers = []driver{
	{"github.com/jackc/pgx", []string{
		"internal/offsets", "internal/sinks", "internal/app", // app: the transaction that ledger and sinks share
		"internal/config", // parses the connection string
		"internal/demo", "internal/testkit", "integration/harness",
	}},
	{"github.com/twmb/franz-go", []string{"internal/ingest", "internal/demo", "internal/testkit", "integration/harness"}},
	{"github.com/cockroachdb/pebble", []string{"internal/stateful"}},
	{"net/http", []string{"internal/admin", "internal/embedpg", "integration/harness"}}, // embedpg fetches Postgres
	{"github.com/prometheus", []string{"internal/admin"}},
	{"github.com/testcontainers", []string{"integration/harness"}},
	{"os/exec", []string{"internal/embedpg", "integration/harness"}},
}

// forbidden are imports that nobody may have.
var forbidden = map[string]string{
	"github.com/cockroachdb/pebble": "the path without /v2 is another, older Pebble",
	"math/rand":                     "decisions take no chance; tokens come from crypto/rand, tests from math/rand/v2 with a seed",
	"github.com/lib/pq":             "Postgres is spoken to with pgx",
}
