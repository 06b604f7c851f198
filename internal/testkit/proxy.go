package testkit

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Match looks at bytes that a client sent, as they were read: one message may come in pieces, or several in one.
type Match func([]byte) bool

// IsCommit matches a COMMIT as pgx sends it.
func IsCommit(b []byte) bool { return bytes.Contains(b, []byte("commit\x00")) }

// Proxy passes TCP connections on to a target, until it is told otherwise. Its methods may be called at any time, from any goroutine.
type Proxy struct {
	target   string
	listener net.Listener
	quit     chan struct{} // closed when the test ends
	done     sync.WaitGroup

	mu struct {
		sync.Mutex
		cut     bool
		links   map[*link]bool
		swallow Match
		delay   Match
		hold    time.Duration
		fired   int // how often swallow or delay matched
	}
}

// link is one client's connection and the one to the target that belongs to it.
type link struct {
	client, server net.Conn
	muted          atomic.Bool // the next answer is lost, and the client with it
	holding        atomic.Bool // bytes are on their way: the target's side outlives a cut
}

func (l *link) close() {
	_ = l.client.Close() // both ends may be closed already
	_ = l.server.Close()
}

// NewProxy listens on a free port of loopback and passes connections on to target (host:port). It ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start a proxy: %v", err)
	}
	p := &Proxy{target: target, listener: l, quit: make(chan struct{})}
	p.mu.links = map[*link]bool{}
	p.done.Add(1)
	go p.accept()
	t.Cleanup(func() {
		_ = l.Close() // nothing is to be done about an error
		close(p.quit)
		p.cut(func(*link) bool { return true })
		p.done.Wait()
	})
	return p
}

// Addr is where the proxy listens, as host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut closes every connection and refuses new ones until Heal. Bytes that DelayMatching holds back still arrive.
func (p *Proxy) Cut() { p.cut(func(l *link) bool { return !l.holding.Load() }) }

func (p *Proxy) cut(both func(*link) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.cut = true
	for l := range p.mu.links {
		_ = l.client.Close()
		if both(l) {
			l.close()
		}
	}
}

// Heal lets new connections pass again and forgets SwallowAfter and DelayMatching.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.cut, p.mu.swallow, p.mu.delay = false, nil, nil
}

// SwallowAfter loses an answer: the first bytes that match are passed on, and when the server answers, the client's connection ends without
// a byte of it. It happens once.
func (p *Proxy) SwallowAfter(m Match) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.swallow = m
}

// DelayMatching holds the first bytes that match back for d, and then passes them on even if the client has gone meanwhile. It happens once.
func (p *Proxy) DelayMatching(m Match, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.delay, p.mu.hold = m, d
}

// Fired says how often SwallowAfter and DelayMatching have met what they wait for.
func (p *Proxy) Fired() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.fired
}

func (p *Proxy) accept() {
	defer p.done.Done()
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.done.Add(1)
		go p.serve(c)
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer p.done.Done()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = client.Close() // as if nothing listened
		return
	}
	l := &link{client: client, server: server}
	if !p.admit(l) {
		return
	}
	answers := make(chan struct{})
	go func() {
		defer close(answers)
		downstream(l)
	}()
	p.upstream(l)
	_ = server.(*net.TCPConn).CloseWrite() // the server reads what was sent, and then the end
	<-answers
	p.mu.Lock()
	delete(p.mu.links, l)
	p.mu.Unlock()
	l.close()
}

func (p *Proxy) admit(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.cut {
		l.close()
		return false
	}
	p.mu.links[l] = true
	return true
}

// verdict is what becomes of bytes that a client sent.
type verdict struct {
	swallow bool
	hold    time.Duration
}

func (p *Proxy) judge(b []byte) verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.mu.swallow != nil && p.mu.swallow(b):
		p.mu.swallow = nil
		p.mu.fired++
		return verdict{swallow: true}
	case p.mu.delay != nil && p.mu.delay(b):
		p.mu.delay = nil
		p.mu.fired++
		return verdict{hold: p.mu.hold}
	}
	return verdict{}
}

// upstream passes on what the client sends. A client that goes while its bytes are held back does not undo them: the read that would see it
// comes after the write.
func (p *Proxy) upstream(l *link) {
	buf := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(buf)
		if n > 0 && !p.pass(l, buf[:n]) || err != nil {
			return
		}
	}
}

// pass tells whether the client is to be heard further.
func (p *Proxy) pass(l *link, b []byte) bool {
	v := p.judge(b)
	l.muted.Store(v.swallow)
	l.holding.Store(v.hold > 0)
	defer l.holding.Store(false)
	select {
	case <-time.After(v.hold):
	case <-p.quit:
		return false
	}
	_, err := l.server.Write(b)
	return err == nil && !v.swallow
}

// downstream passes on what the server answers. It reads to the end even if the client has gone: a server that cannot write its answer
// would not be the one of the test.
func downstream(l *link) {
	buf := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buf)
		if err != nil || l.muted.Load() {
			_ = l.client.Close()
		} else {
			_, _ = l.client.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}
