package stateful

import "sync"

// health is whether the store lives. The first error of the disk ends it for good (S5).
type health struct {
	dead chan struct{}
	mu   struct {
		sync.Mutex
		err error
	}
	onDeath func(error)
}

func newHealth(onDeath func(error)) *health {
	return &health{dead: make(chan struct{}), onDeath: onDeath}
}

// die marks the store dead; only the first cause counts. It is called with Pebble's locks held, so it calls nothing of Pebble.
func (h *health) die(cause error) error {
	h.mu.Lock()
	first := h.mu.err == nil
	if first {
		h.mu.err = &deadError{cause: cause}
		close(h.dead)
	}
	err := h.mu.err
	h.mu.Unlock()
	if first && h.onDeath != nil {
		h.onDeath(cause)
	}
	return err
}

func (h *health) err() error {
	select {
	case <-h.dead:
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.mu.err
	default:
		return nil
	}
}

// signal wakes everyone who waits when something has happened in the background.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

func newSignal() *signal { return &signal{ch: make(chan struct{})} }

func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ch
}

func (s *signal) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.ch)
	s.ch = make(chan struct{})
}
