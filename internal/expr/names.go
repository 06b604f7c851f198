package expr

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/expr/syntax"
	"github.com/millrace/millrace/internal/row"
	"github.com/millrace/millrace/internal/spelling"
)

// volatile are the functions of Postgres whose value a replay would not give again, with what to write instead.
var volatile = map[string]string{
	"random": "derive it from the record, as md5(id::text)", "clock_timestamp": "use now(), which is the batch time", "timeofday": "use now(), which is the batch time",
	"statement_timestamp": "use now(), which is the batch time", "gen_random_uuid": "derive an id from the record", "uuid_generate_v4": "derive an id from the record",
	"nextval": "number rows in the table: a column GENERATED AS IDENTITY", "txid_current": "use _batch_time", "pg_current_xact_id": "use _batch_time",
	"setseed": "remove it", "pg_sleep": "remove it",
}

// elsewhere are functions that a reader of Postgres may look for and that this version does not have.
var elsewhere = map[string]string{
	"unnest": "use the step flatMap, which takes an array", "regexp_split_to_table": "use flatMap with regexp_split_to_array",
	"string_to_table": "use flatMap with string_to_array", "generate_series": "use flatMap with an array", "to_char": "cast with ::text or put it together with date_part",
	"current_date": "use now()::date", "localtimestamp": "use now()::timestamp", "current_time": "use now()", "localtime": "use now()",
	"current_user": "write the name as a literal", "session_user": "write the name as a literal", "row_number": "use the step transform",
	"regexp_matches": "use regexp_replace, or regexp_split_to_array",
}

// columnLookup resolves names among columns; the first one of them has the slot base.
func columnLookup(cols []row.Column, base int) func(*syntax.Name) (*node, *Error) {
	return func(n *syntax.Name) (*node, *Error) {
		name := strings.Join(n.Parts, ".")
		for i, col := range cols {
			if col.Name == name {
				return column(base+i, col.Type, n.Span), nil
			}
		}
		if name == "_batch_time" {
			return batchTime(n.Span), nil
		}
		return nil, unknownColumn(n, cols)
	}
}

func unknownColumn(n *syntax.Name, cols []row.Column) *Error {
	name := strings.Join(n.Parts, ".")
	names := make([]string, len(cols))
	for i, c := range cols {
		names[i] = c.Name
	}
	cure := suggest(name, names)
	if cure == "" && len(names) > 0 {
		cure = "the columns are " + strings.Join(names, ", ")
		if len(names) > 12 {
			cure = "the columns are " + strings.Join(names[:12], ", ") + ", …"
		}
	}
	if cure == "" {
		cure = "there are no columns here"
	}
	return &Error{Pos: n.Pos, End: n.End, Msg: fmt.Sprintf("column \"%s\" does not exist", name), Cure: cure}
}

// batchTime is now().
func batchTime(at syntax.Span) *node {
	return &node{typ: row.TimestampTZ, at: at, slot: -1, integer: func(e *Env) (int64, bool) { return e.BatchTime, false }}
}

func functionNames() []string {
	names := slices.Collect(maps.Keys(functions))
	names = append(names, formNames...)
	slices.Sort(names)
	return names
}

// suggest names the nearest of the candidates, if one is near.
func suggest(name string, candidates []string) string {
	if near, ok := spelling.Nearest(name, candidates); ok {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return ""
}
