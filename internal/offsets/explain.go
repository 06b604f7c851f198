package offsets

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// Explain puts an error into words that an operator can act on: what is wrong, and what mends it. Neither password nor connection string
// is ever in them. An error that it knows nothing about is returned as its own text.
func Explain(err error) string {
	if err == nil {
		return ""
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		if words := explainServer(pg, target(err)); words != "" {
			return words
		}
	}
	if words := explainNetwork(err); words != "" {
		return words
	}
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		return "MILLRACE_POSTGRES_URL is not a Postgres connection string: want postgres://user@host:5432/database?sslmode=…, " +
			"with special characters of the password percent-encoded"
	}
	return err.Error()
}

// place is where a connection was meant to go; without the password.
type place struct{ user, database, host string }

func target(err error) place {
	var connect *pgconn.ConnectError
	if !errors.As(err, &connect) || connect.Config == nil {
		return place{user: "this role", database: "the database", host: "the server"}
	}
	c := connect.Config
	return place{user: c.User, database: c.Database, host: fmt.Sprintf("%s port %d", c.Host, c.Port)}
}

func explainServer(pg *pgconn.PgError, at place) string {
	switch pg.Code {
	case "28P01":
		return fmt.Sprintf("Postgres at %s refuses the password of user %s: check MILLRACE_POSTGRES_URL (special characters are percent-encoded)",
			at.host, at.user)
	case "28000":
		return explainRefusal(pg, at)
	case "3D000":
		return fmt.Sprintf("Postgres at %s has no database %s: create it, or name another in MILLRACE_POSTGRES_URL", at.host, at.database)
	case "42501":
		return fmt.Sprintf("Postgres says %q: grant it, or run the migrations once with a role that owns the schema "+
			"and GRANT USAGE on the schema and SELECT, INSERT, UPDATE, DELETE on its tables to this one", pg.Message)
	case "53300":
		return fmt.Sprintf("Postgres at %s has no free connection (max_connections): it is tried again", at.host)
	case "53100":
		return "the disk of Postgres is full: nothing is lost, the batch is tried again once there is space"
	case "57P03":
		return fmt.Sprintf("Postgres at %s is starting or stopping: it is tried again", at.host)
	case "25006":
		return "Postgres takes no writes (a standby, or read-only by its administrator): point MILLRACE_POSTGRES_URL at the primary"
	case "55P03":
		return "another transaction holds the rows longer than the lock timeout: it is tried again"
	}
	return ""
}

// explainRefusal tells the two meanings of 28000 apart. The host's address is in the server's own words.
func explainRefusal(pg *pgconn.PgError, at place) string {
	if strings.Contains(pg.Message, "pg_hba.conf") {
		cure := "add a line for it to pg_hba.conf and reload"
		if strings.Contains(pg.Message, "no encryption") {
			cure = "use sslmode=require or stricter, or add a line for it to pg_hba.conf and reload"
		}
		return fmt.Sprintf("Postgres at %s does not admit this client: %s; %s", at.host, pg.Message, cure)
	}
	return fmt.Sprintf("Postgres at %s does not admit user %s: %s; create the role with LOGIN, or name another in MILLRACE_POSTGRES_URL",
		at.host, at.user, pg.Message)
}

func explainNetwork(err error) string {
	var connect *pgconn.ConnectError
	if !errors.As(err, &connect) {
		return ""
	}
	at := target(err)
	var (
		dns   *net.DNSError
		notes string
	)
	switch {
	case errors.Is(err, pgconn.ErrStandbyConnection):
		return fmt.Sprintf("Postgres at %s is a standby: point MILLRACE_POSTGRES_URL at the primary", at.host)
	case errors.As(err, &dns):
		notes = fmt.Sprintf("the name %s is not known here", dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		notes = "nothing listens there"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		notes = "there is no route to it"
	case pgconn.Timeout(err):
		notes = "it does not answer; a firewall or network policy may drop the packets"
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return fmt.Sprintf("Postgres at %s has no TLS: enable ssl there, or use sslmode=disable in MILLRACE_POSTGRES_URL if the network is trusted",
			at.host)
	case strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "x509: "):
		return fmt.Sprintf("the certificate of Postgres at %s is not accepted: name its authority with sslrootcert, and the host as in the certificate",
			at.host)
	default:
		return ""
	}
	return fmt.Sprintf("Postgres at %s cannot be reached: %s; check host and port in MILLRACE_POSTGRES_URL", at.host, notes)
}
