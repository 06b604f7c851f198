//go:build integration

package harness

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/exec"
)

// bootTime bounds how long a server may take until it answers. Two cores that also compile need a while.
const bootTime = 90 * time.Second

// server is a container with one port on the host that stays the same over stop and start (H2).
type server struct {
	name   string
	addr   string // host:port
	c      testcontainers.Container
	docker *testcontainers.DockerClient
	ready  func(ctx context.Context) error // asks the server something that only a working one answers
}

// freePort asks the system for a port that nobody has. Between the asking and the use another process may take it: run tries again.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// run creates and starts a container whose port inside is inner; request is told the host port that it will have.
func run(ctx context.Context, name, inner string, request func(port int) testcontainers.ContainerRequest, ready func(addr string) func(context.Context) error) (*server, error) {
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach the Docker engine (make images starts one): %w", err)
	}
	var last error
	for range 3 {
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		c, err := testcontainers.GenericContainer(ctx, testcontainers.GenericContainerRequest{
			ContainerRequest: onPort(request(port), inner, port), Started: true, Logger: quiet{},
		})
		if err != nil {
			last = err
			_ = testcontainers.TerminateContainer(c) // half made: the next attempt makes another
			continue
		}
		s := &server{name: name, addr: fmt.Sprintf("127.0.0.1:%d", port), c: c, docker: docker}
		s.ready = ready(s.addr)
		if err := s.await(ctx); err != nil {
			return nil, fmt.Errorf("%w; its log:\n%s", err, s.log(ctx))
		}
		return s, nil
	}
	return nil, fmt.Errorf("start %s: %w", name, last)
}

// onPort maps the container's port to the one on the host's loopback address.
func onPort(r testcontainers.ContainerRequest, inner string, port int) testcontainers.ContainerRequest {
	r.ExposedPorts = []string{inner}
	r.HostConfigModifier = func(c *container.HostConfig) {
		c.PortBindings = network.PortMap{network.MustParsePort(inner): {
			{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: strconv.Itoa(port)},
		}}
	}
	return r
}

func (s *server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bootTime)
	defer cancel()
	var last error
	for ctx.Err() == nil {
		attempt, done := context.WithTimeout(ctx, 2*time.Second)
		last = s.ready(attempt)
		done()
		if last == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("%s does not answer within %s: %w", s.name, bootTime, last)
}

func (s *server) log(ctx context.Context) string {
	r, err := s.c.Logs(ctx)
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	b, _ := io.ReadAll(r) // what could be read is better than nothing
	return tail(string(b), 40)
}

// Addr is the server's host:port; it does not change.
func (s *server) Addr() string { return s.addr }

// Stop ends the server as an operator would, and waits until it is down.
func (s *server) Stop(t *testing.T) {
	t.Helper()
	seconds := 20
	_, err := s.docker.ContainerStop(t.Context(), s.c.GetContainerID(), client.ContainerStopOptions{Timeout: &seconds})
	require.NoError(t, err, "stop %s", s.name)
	t.Logf("%s stopped", s.name)
}

// Kill ends the server with SIGKILL.
func (s *server) Kill(t *testing.T) {
	t.Helper()
	_, err := s.docker.ContainerKill(t.Context(), s.c.GetContainerID(), client.ContainerKillOptions{Signal: "KILL"})
	require.NoError(t, err, "kill %s", s.name)
	t.Logf("%s killed", s.name)
}

// Start starts the server again, unless it runs, and waits until it answers. It can be called while the test is cleaned up.
func (s *server) Start(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	_, err := s.docker.ContainerStart(ctx, s.c.GetContainerID(), client.ContainerStartOptions{})
	require.NoError(t, err, "start %s", s.name)
	require.NoError(t, s.await(ctx))
	t.Logf("%s started", s.name)
}

// Pause freezes the server: connections stay open and nothing answers. Unpause wakes it.
func (s *server) Pause(t *testing.T) {
	t.Helper()
	_, err := s.docker.ContainerPause(t.Context(), s.c.GetContainerID(), client.ContainerPauseOptions{})
	require.NoError(t, err, "pause %s", s.name)
}

// Unpause wakes a paused server.
func (s *server) Unpause(t *testing.T) {
	t.Helper()
	_, err := s.docker.ContainerUnpause(t.Context(), s.c.GetContainerID(), client.ContainerUnpauseOptions{})
	require.NoError(t, err, "unpause %s", s.name)
	require.NoError(t, s.await(t.Context()))
}

// exec runs a command in the container as user and returns its output; another status than 0 fails the test.
func (s *server) exec(t *testing.T, user string, command ...string) string {
	t.Helper()
	code, r, err := s.c.Exec(t.Context(), command, exec.WithUser(user), exec.Multiplexed())
	require.NoError(t, err, "run %v in %s", command, s.name)
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Zero(t, code, "%v in %s:\n%s", command, s.name, out)
	return string(out)
}

// quiet drops testcontainers' progress report.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
