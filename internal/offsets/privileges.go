package offsets

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// lacking lists table privileges that the current role does not have on the ledger's tables.
const lacking = `SELECT c.relname || ': ' || string_agg(p, ', ' ORDER BY p)
	FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
	WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND c.relname <> 'migrations' AND NOT has_table_privilege(c.oid, p)
	GROUP BY c.relname ORDER BY c.relname`

// checkPrivileges tells at start what would otherwise fail at the first batch.
func (l *Ledger) checkPrivileges(ctx context.Context) error {
	rows, err := l.pool.Query(ctx, lacking, l.schema)
	if err != nil {
		return fmt.Errorf("check privileges in schema %s: %w", l.schema, err)
	}
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("check privileges in schema %s: %w", l.schema, err)
	}
	if len(missing) == 0 {
		return nil
	}
	role := pgx.Identifier{l.pool.Config().ConnConfig.User}.Sanitize()
	return fmt.Errorf("%w on schema %s: %s; an owner runs: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %s TO %s",
		ErrPrivilege, l.schema, strings.Join(missing, "; "), l.schema, role)
}
