package admin

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask sends one request to the handler.
func ask(t *testing.T, s *Status, method, path, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	Handler(s, NewMetrics("v0")).ServeHTTP(w, r)
	return w
}

func TestAnAliveProcessIsHealthyThoughNotReady(t *testing.T) {
	s := NewStatus(newClock().now)
	require.Equal(t, http.StatusOK, ask(t, s, "GET", "/healthz", "").Code)
	require.Equal(t, http.StatusServiceUnavailable, ask(t, s, "GET", "/readyz", "").Code)
}

func TestReadyzSaysEachReasonAndSinceWhen(t *testing.T) {
	s := ready(newClock())
	require.Equal(t, "ready\n", ask(t, s, "GET", "/readyz", "").Body.String())
	s.Set(Postgres, "connection refused")
	s.Set(Kafka, "no broker answers")
	w := ask(t, s, "GET", "/readyz", "")
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "not ready: kafka: no broker answers (since 2026-01-02T03:04:05Z)\n"+
		"not ready: postgres: connection refused (since 2026-01-02T03:04:05Z)\n", w.Body.String())
}

func TestReadyzSpeaksJSONWhereItIsAskedFor(t *testing.T) {
	s := ready(newClock())
	s.Set(Postgres, "connection refused")
	for _, w := range []*httptest.ResponseRecorder{ask(t, s, "GET", "/readyz", "application/json"), ask(t, s, "GET", "/readyz?format=json", "")} {
		require.Equal(t, http.StatusServiceUnavailable, w.Code)
		var got readyBody
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		require.False(t, got.Ready)
		require.Equal(t, "connection refused", got.Reasons[0].Reason)
	}
	s.Set(Postgres, "")
	require.JSONEq(t, `{"ready":true,"since":"2026-01-02T03:04:05Z","reasons":[]}`, ask(t, s, "GET", "/readyz", "application/json").Body.String())
}

func TestThePageShowsReasonsAsTextNotAsHTML(t *testing.T) {
	s := ready(newClock())
	s.Set(Running, "<script>alert(1)</script>")
	body := ask(t, s, "GET", "/", "").Body.String()
	require.Contains(t, body, "&lt;script&gt;")
	require.NotContains(t, body, "<script>")
	for _, link := range []string{"/healthz", "/readyz", "/metrics"} {
		require.Contains(t, body, `href="`+link+`"`)
	}
}

func TestNothingCanBeChangedOrProfiled(t *testing.T) {
	s := ready(newClock())
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		for _, path := range []string{"/", "/healthz", "/readyz", "/metrics"} {
			require.Equal(t, http.StatusMethodNotAllowed, ask(t, s, method, path, "").Code, "%s %s", method, path)
		}
	}
	for _, path := range []string{"/debug/pprof/", "/debug/vars", "/readyz/x", "/nothing"} {
		require.Equal(t, http.StatusNotFound, ask(t, s, "GET", path, "").Code, path)
	}
	require.Equal(t, http.StatusOK, ask(t, s, "HEAD", "/readyz", "").Code)
}

func TestAPortThatIsTakenIsSaidWithTheVariableAndTheCure(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, err = Listen(t.Context(), l.Addr().String())
	var refused interface{ Refused() bool }
	require.ErrorAs(t, err, &refused)
	require.True(t, refused.Refused())
	require.ErrorContains(t, err, "MILLRACE_HTTP_ADDR")
	require.ErrorContains(t, err, "is taken by another process")
}

func TestAnAddressOfAnotherMachineIsSaidSo(t *testing.T) {
	_, err := Listen(t.Context(), "192.0.2.1:8080") // TEST-NET-1: nobody's
	require.ErrorContains(t, err, "this machine has no such address")
}

func TestServeAnswersUntilItsContextEndsAndFreesThePort(t *testing.T) {
	s, err := Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ready(newClock()), NewMetrics("v0")) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + s.Addr() + "/metrics")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Contains(t, string(body), `millrace_build_info{version="v0"} 1`)
	stop()
	require.NoError(t, <-ended)
	again, err := Listen(t.Context(), s.Addr())
	require.NoError(t, err)
	again.Close()
}

func TestHeadersWithoutEndAreCutOff(t *testing.T) {
	s, err := Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ready(newClock()), NewMetrics("v0")) }()
	conn, err := net.Dial("tcp", s.Addr())
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", 2*maxHeaderBytes)+"\r\n\r\n")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	answer, _ := io.ReadAll(conn) // the server may reset the connection after its answer
	require.Contains(t, string(answer), "431")
	require.NoError(t, conn.Close())
	stop()
	require.NoError(t, <-ended)
}

func TestAServerThatIsOffTakesNoPort(t *testing.T) {
	s, err := Listen(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, s.Addr())
	s.Close()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, s.Serve(ctx, ready(newClock()), NewMetrics("v0")))
}

func TestServeSaysThatItsListenerBroke(t *testing.T) {
	s, err := Listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	s.Close()
	require.ErrorIs(t, s.Serve(t.Context(), ready(newClock()), NewMetrics("v0")), net.ErrClosed)
}
