package crash

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// trigger counts passages of one place. A nil trigger never fires.
type trigger struct {
	at     Name
	n      int64
	passed atomic.Int64
}

// parse reads name[:n]; an empty text is no trigger.
func parse(s string) (*trigger, error) {
	if s == "" {
		return nil, nil
	}
	name, count, counted := strings.Cut(s, ":")
	t := &trigger{at: Name(name), n: 1}
	if !slices.Contains(Names(), t.at) {
		return nil, fmt.Errorf("no crash point is named %q; there are %v", name, Names())
	}
	if counted {
		n, err := strconv.ParseInt(count, 10, 64)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q: want name or name:n with n at least 1", s)
		}
		t.n = n
	}
	return t, nil
}

// passes counts a passage and tells whether it is the one.
func (t *trigger) passes(n Name) bool {
	return t != nil && t.at == n && t.passed.Add(1) == t.n
}
