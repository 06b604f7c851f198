package pipeline

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pseudos is a set of pseudo columns, one bit each.
//
// A pseudo column can be used in every step up to the first keyed one, though maps before it did not name it. So the rows carry it,
// unseen, from the source to its last use, and nowhere else: which those are has to be known before the source's columns are numbered.
type pseudos uint8

func (p pseudos) has(i int) bool { return p&(1<<i) != 0 }

var pseudoWord = regexp.MustCompile(`(?i)\b_(?:key|topic|partition|offset|timestamp)\b`)

// mentions returns the pseudo columns that the scalars below a node speak of. It may find too many (in a string literal), never too few.
func (v value) mentions() pseudos {
	var found pseudos
	if v.node.Kind == yaml.ScalarNode {
		t, _ := expand(v.node.Value, v.r.getenv) // reported where the scalar is read
		for _, word := range pseudoWord.FindAllString(t.string, -1) {
			for i, c := range pseudoColumns {
				if strings.EqualFold(c.Name, word) {
					found |= 1 << i
				}
			}
		}
	}
	for _, n := range v.node.Content {
		found |= value{n, v.path, v.r}.mentions()
	}
	return found
}

// needed returns the pseudo columns that are used in steps[from:] of a stream and in the streams that read its end, up to the first
// keyed step.
func (b *builder) needed(s *streamDecl, from int) pseudos {
	var need pseudos
	for _, step := range s.steps[min(from, len(s.steps)):] {
		need |= step.arg.mentions()
		if isKeyed(step.kind) {
			return need
		}
	}
	for _, next := range b.streams {
		if next.stream == s {
			need |= b.neededIn(next)
		}
	}
	return need
}

// neededIn is needed of a whole stream, found once: each map asks for all that comes after it.
func (b *builder) neededIn(s *streamDecl) pseudos {
	need, found := b.needs[s]
	if !found {
		b.needs[s] = 0 // ends the search where streams read each other in a circle, which is reported elsewhere
		need = b.needed(s, 0)
		b.needs[s] = need
	}
	return need
}

// neededBy returns the pseudo columns that a source has to fill.
func (b *builder) neededBy(src *sourceDecl) pseudos {
	var need pseudos
	if body, ok := asMapping(src.value); ok {
		if v, ok := body.get("event_time"); ok {
			need = v.mentions()
		}
	}
	for _, s := range b.streams {
		if s.source == src {
			need |= b.neededIn(s)
		}
	}
	return need
}
