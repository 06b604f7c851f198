package admin

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// Handler answers the four pages.
func Handler(status *Status, metrics *Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", readyz(status))
	mux.Handle("GET /metrics", metrics.handler())
	mux.HandleFunc("GET /{$}", index(status))
	return headers(mux)
}

// headers are on every answer: none of them is worth a cache, a frame or a guess at its type.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		next.ServeHTTP(w, r)
	})
}

func healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintln(w, "ok")
}

// readyBody is the JSON of /readyz.
type readyBody struct {
	Ready   bool      `json:"ready"`
	Since   time.Time `json:"since"`
	Reasons []Reason  `json:"reasons"`
}

// readyz answers in JSON where the Accept header asks for it (or ?format=json), else in words.
func readyz(status *Status) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ok, why := status.Ready()
		code := http.StatusOK
		if !ok {
			code = http.StatusServiceUnavailable
		}
		if wantsJSON(r) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			_ = json.NewEncoder(w).Encode(readyBody{Ready: ok, Since: status.Since().UTC(), Reasons: why}) // a reader that left
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(code)
		_, _ = fmt.Fprint(w, words(ok, why)) // a reader that left
	}
}

func wantsJSON(r *http.Request) bool {
	return r.URL.Query().Get("format") == "json" || strings.Contains(r.Header.Get("Accept"), "application/json")
}

// words is one line a reason: "not ready: postgres: connection refused (since 2026-01-02T03:04:05Z)".
func words(ok bool, why []Reason) string {
	if ok {
		return "ready\n"
	}
	var b strings.Builder
	for _, r := range why {
		fmt.Fprintf(&b, "not ready: %s: %s (since %s)\n", r.Condition, r.Reason, r.Since.UTC().Format(time.RFC3339))
	}
	return b.String()
}

var page = template.Must(template.New("index").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Millrace</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}</style></head>
<body><h1>Millrace</h1>
<p>{{if .Ready}}Ready since {{.Since}}.{{else}}Not ready since {{.Since}}:{{end}}</p>
{{if .Reasons}}<ul>{{range .Reasons}}<li>{{.Condition}}: {{.Reason}}</li>{{end}}</ul>{{end}}
<ul><li><a href="/healthz">/healthz</a>: the process is alive</li>
<li><a href="/readyz">/readyz</a>: it can commit, or why it cannot</li>
<li><a href="/metrics">/metrics</a>: for Prometheus</li></ul></body></html>
`))

func index(status *Status) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		ok, why := status.Ready()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, struct {
			Ready   bool
			Since   string
			Reasons []Reason
		}{ok, status.Since().UTC().Format(time.RFC3339), why}) // a reader that left
	}
}
