package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	lastAnswers       = 2 * time.Second // for requests that are under way when the process ends
)

// ListenError means that the address of MILLRACE_HTTP_ADDR cannot be listened on. Nothing else has been started: choose another one.
type ListenError struct {
	Addr string
	Err  error
}

func (e *ListenError) Error() string {
	return fmt.Sprintf("listen on %s (MILLRACE_HTTP_ADDR): %s", e.Addr, e.words())
}

func (e *ListenError) words() string {
	_, port, _ := strings.Cut(e.Addr, ":")
	var dns *net.DNSError
	switch {
	case errors.Is(e.Err, syscall.EADDRINUSE):
		return fmt.Sprintf("port %s is taken by another process; end it, or choose another port as MILLRACE_HTTP_ADDR=:8081, or none as MILLRACE_HTTP_ADDR=off", port)
	case errors.Is(e.Err, syscall.EACCES):
		return fmt.Sprintf("this user may not listen on port %s; choose a port above 1023", port)
	case errors.Is(e.Err, syscall.EADDRNOTAVAIL), errors.As(e.Err, &dns):
		return "this machine has no such address; write only the port to listen on all, as MILLRACE_HTTP_ADDR=:8080"
	}
	return fmt.Sprintf("%v; want host:port, as 127.0.0.1:8080 or :8080, or off", e.Err)
}

func (e *ListenError) Unwrap() error { return e.Err }

// Refused tells that the process was refused at start, by its settings.
func (e *ListenError) Refused() bool { return true }

// Server is the listener, and what answers on it once it serves.
type Server struct {
	listener net.Listener // nil if it is off
}

// Listen takes the port; the empty address takes none. Do it before anything else starts, so that a port that is taken is found while
// nothing has happened yet.
func Listen(ctx context.Context, addr string) (*Server, error) {
	if addr == "" {
		return &Server{}, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, &ListenError{Addr: addr, Err: err}
	}
	return &Server{listener: l}, nil
}

// Addr is where it listens, with the port that was chosen for port 0; "" if it is off.
func (s *Server) Addr() string {
	if s.listener == nil {
		return ""
	}
	return s.listener.Addr().String()
}

// Close gives the port back where Serve is never reached. After Serve it does nothing.
func (s *Server) Close() {
	if s.listener != nil {
		_ = s.listener.Close() // closed already is as good
	}
}

// Serve answers until ctx ends; then it lets the requests under way finish for a moment and returns nil. An error means that the
// listener broke.
func (s *Server) Serve(ctx context.Context, status *Status, metrics *Metrics) error {
	if s.listener == nil {
		<-ctx.Done()
		return nil
	}
	srv := &http.Server{
		Handler:           Handler(status, metrics),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		shut(ctx, srv)
	})
	err := srv.Serve(s.listener)
	if stop() {
		return fmt.Errorf("serve %s: %w", s.Addr(), err)
	}
	<-ended // Serve returns at once on Shutdown, before the last answers are out
	return nil
}

// shut waits for the answers under way, then closes what is left.
func shut(ctx context.Context, srv *http.Server) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
	defer cancel()
	if srv.Shutdown(bounded) != nil {
		_ = srv.Close() // slow readers are cut off: the process ends anyway
	}
}
