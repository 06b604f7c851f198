package ingest

import (
	"sync"
	"time"
)

// Health is the oldest trouble that is being retried; Err is nil if there is none.
type Health struct {
	Err   error
	Since time.Time
}

// troubles are failures that may pass by themselves, by what they are about. The one method that clears is the success of the same thing.
type troubles struct {
	mu struct {
		sync.Mutex
		by map[string]Health
	}
}

// set records a failure and tells whether it is new.
func (t *troubles) set(about string, err error) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.mu.by == nil {
		t.mu.by = map[string]Health{}
	}
	h, old := t.mu.by[about]
	if !old {
		h.Since = time.Now()
	}
	h.Err = err
	t.mu.by[about] = h
	return !old
}

// clear forgets a failure and tells whether there was one.
func (t *troubles) clear(about string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, had := t.mu.by[about]
	delete(t.mu.by, about)
	return had
}

func (t *troubles) oldest() Health {
	t.mu.Lock()
	defer t.mu.Unlock()
	var worst Health
	for _, h := range t.mu.by {
		if worst.Err == nil || h.Since.Before(worst.Since) {
			worst = h
		}
	}
	return worst
}
