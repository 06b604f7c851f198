// Package admin shows the process to people, Prometheus and Kubernetes over HTTP: /healthz, /readyz, /metrics and a page that links
// them. It reports what it is told; it decides nothing and changes nothing.
//
//	A1  /healthz answers 200 as long as the process can answer at all.
//	A2  /readyz answers 200 only while every condition holds, that is while a commit can succeed; else 503 with each reason and since when.
//	A3  nothing but GET and HEAD is served, and no request changes anything.
//	A4  a label never holds a key, an offset or the text of an error; docs/METRICS.md names every metric, and nothing else.
//	A5  no call waits for the network: the loop may report from its inner steps.
package admin
