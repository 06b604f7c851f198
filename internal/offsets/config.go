package offsets

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Config says where the ledger is and how long its transactions may wait. Zero durations and counts take the defaults below.
type Config struct {
	ConnString string // a URL or key=value words; checked before
	Schema     string // default "millrace"
	Instance   string // shown to the server as part of application_name

	LockTimeout  time.Duration // how long a statement waits for a row that another transaction holds; default 5s
	IdleTimeout  time.Duration // how long the server keeps a transaction whose client is silent, so that a zombie frees its rows; default 15s
	MaxConns     int32         // default 4: a commit, a claim, housekeeping and a restore at once
	DeltaPart    int           // bytes; a longer delta is stored in parts; default 8 MiB
	KeepOldSnaps int           // visible snapshots of a shard, the newest included; default 2, so that a reader can finish with the older one
}

const (
	defaultSchema      = "millrace"
	defaultLockTimeout = 5 * time.Second
	defaultIdleTimeout = 15 * time.Second
	defaultMaxConns    = 4
	defaultDeltaPart   = 8 << 20
	defaultKeepSnaps   = 2
	connectTimeout     = 10 * time.Second
)

func (c Config) withDefaults() Config {
	orDefault(&c.Schema, defaultSchema)
	orDefault(&c.LockTimeout, defaultLockTimeout)
	orDefault(&c.IdleTimeout, defaultIdleTimeout)
	orDefault(&c.MaxConns, defaultMaxConns)
	orDefault(&c.DeltaPart, defaultDeltaPart)
	orDefault(&c.KeepOldSnaps, defaultKeepSnaps)
	return c
}

func orDefault[T comparable](v *T, d T) {
	if *v == *new(T) {
		*v = d
	}
}

// poolConfig turns the connection string into the pool's settings: a primary only, sockets that notice a dead peer, and a note of every
// notice that leaves a COMMIT in doubt.
func poolConfig(c Config) (*pgxpool.Config, error) {
	pc, err := pgxpool.ParseConfig(c.ConnString)
	if err != nil {
		return nil, fmt.Errorf("read the ledger's connection string: %w", err)
	}
	pc.MaxConns = c.MaxConns
	cc := pc.ConnConfig
	if cc.ConnectTimeout == 0 {
		cc.ConnectTimeout = connectTimeout
	}
	if cc.ValidateConnect == nil { // target_session_attrs was not given
		cc.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	}
	if cc.RuntimeParams["application_name"] == "" {
		cc.RuntimeParams["application_name"] = applicationName(c.Instance)
	}
	cc.DialFunc = dial
	cc.OnNotice = noteDoubt
	return pc, nil
}

// applicationName fits what pg_stat_activity shows: 63 bytes.
func applicationName(instance string) string {
	name := "millrace " + instance
	return name[:min(len(name), 63)]
}

// Open connects to the ledger's database and checks that it can hold a ledger: a primary, version 13 or later, encoding UTF8. It makes and
// reads no table: see Migrate. Explain puts the error into an operator's words.
func Open(ctx context.Context, c Config) (*Ledger, error) {
	c = c.withDefaults()
	pc, err := poolConfig(c)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	l := &Ledger{pool: pool, config: c, schema: pgx.Identifier{c.Schema}.Sanitize()}
	if err := l.checkServer(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open the ledger: %w", err)
	}
	return l, nil
}
