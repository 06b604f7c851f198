package pipeline

import (
	"regexp"

	"github.com/millrace/millrace/internal/plan"
	"github.com/millrace/millrace/internal/row"
)

var (
	pipelineName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	columnName   = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`) // Postgres cuts longer names off
)

// pseudoColumns are the columns that come from a record's envelope, by plan.Pseudo.
var pseudoColumns = [...]row.Column{
	plan.PseudoKey:       {Name: "_key", Type: row.Bytea},
	plan.PseudoTopic:     {Name: "_topic", Type: row.Text},
	plan.PseudoPartition: {Name: "_partition", Type: row.Int4},
	plan.PseudoOffset:    {Name: "_offset", Type: row.Int8},
	plan.PseudoTimestamp: {Name: "_timestamp", Type: row.TimestampTZ},
}

// reserved tells names that always mean the record's envelope or the batch.
func reserved(name string) bool {
	if name == "_headers" || name == "_batch_time" {
		return true
	}
	return isPseudo(name)
}

func isPseudo(name string) bool {
	for _, c := range pseudoColumns {
		if c.Name == name {
			return true
		}
	}
	return false
}

// columnNamed reports a key that cannot name a column. Keys that are the rest of a cut expression get the cure for that.
func columnNamed(e entry) bool {
	switch {
	case reserved(e.name):
		e.key.fail("give the column another name", "%q always means the record's envelope", e.name)
	case !columnName.MatchString(e.name) && e.value.empty():
		e.key.fail(commaCure, "%q has no value", e.name)
	case !columnName.MatchString(e.name):
		e.key.fail("use a-z, 0-9 and _, not a digit first, at most 63", "%q is not a column name", e.name)
	default:
		return true
	}
	return false
}

// operatorNamed reports a key that cannot name a source or a stream.
func operatorNamed(e entry) bool {
	if columnName.MatchString(e.name) {
		return true
	}
	e.key.fail("use a-z, 0-9 and _, not a digit first, at most 63", "%q is not a name", e.name)
	return false
}
