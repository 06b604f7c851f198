# Every target says what it does in `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := help

GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
CACHE    := $(or $(MILLRACE_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/millrace)
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

# Packages with goroutines of their own, or that are used by several: what the race detector is for.
RACY := ./internal/admin/... ./internal/app/... ./internal/engine/... ./internal/ingest/... ./internal/offsets/... ./internal/sinks/... \
        ./internal/stateful/... ./cmd/...

.PHONY: help
help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/processor: one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/processor ./cmd/processor

.PHONY: test
test: ## Unit tests: all that needs nothing but Go
	go test ./...

.PHONY: race
race: ## Unit tests of the concurrent packages under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race $(RACY)

.PHONY: lint
lint: ## gofmt, go vet with all build tags, golangci-lint, and the import table
	@unformatted="$$(gofmt -l $$(git ls-files '*.go'))"; [ -z "$$unformatted" ] || { echo "gofmt these: $$unformatted"; exit 1; }
	go vet -tags integration,crashpoints ./...
	go run $(GOLANGCI) run ./...
	go test ./internal/arch

.PHONY: fmt
fmt: ## gofmt all Go files
	gofmt -w $$(git ls-files '*.go')

.PHONY: images
images: ## A Docker engine and the two images for the container tests (made here if no registry answers)
	integration/images/up.sh

.PHONY: images-down
images-down: ## Stop the engine that `make images` started; one that was there is left alone
	integration/images/down.sh

.PHONY: integration
integration: images ## Container tests: real Kafka, real Postgres, the real binary killed at every crash point (RUN=regexp for some)
	. $(CACHE)/images.env && go test -tags integration -count=1 -timeout 40m -parallel 3 $(if $(RUN),-run '$(RUN)') $(if $(V),-v) ./integration/

.PHONY: image
image: build ## The image millrace:dev from bin/processor (IMAGE=name for another); needs a Docker engine, no registry
	deployments/image.sh $(or $(IMAGE),millrace:dev)

.PHONY: deploy-test
deploy-test: ## Manifests, chart, compose file and alerts, as Kubernetes, Helm, Compose and Prometheus read them
	cd deployments/test && go vet ./... && go test ./...

.PHONY: bench
bench: ## Micro-benchmarks of the hot path (the side-by-side yardstick: bench/README.md)
	go test -run '^$$' -bench . -benchmem ./internal/decode ./internal/expr ./internal/operators ./internal/engine ./internal/stateful

.PHONY: ci
ci: ## All that must pass before a merge, on a bare Debian machine with Go
	.ci/run
