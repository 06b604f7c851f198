package pipeline

import (
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/internal/spelling"
)

// didYouMean is the cure for a name that is not known: the nearest of the known ones, or all of them where none is near.
// later names are looked at for the nearest, too.
func didYouMean(name string, known []string, later ...string) string {
	if best, ok := spelling.Nearest(name, slices.Concat(known, later)); ok {
		return "did you mean " + strconv.Quote(best) + "?"
	}
	if len(known) == 0 {
		return ""
	}
	return "want " + listed(known)
}

// listed joins names as "a, b or c".
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
