#!/usr/bin/env bash
# Millrace as an entry in a side-by-side benchmark: bench/run.sh wordcount|clicks|etl
# The harness passes KAFKA, PG_DSN, TOPIC, TABLE, GROUP, STATE_DIR and WORKLOAD; bench/README.md says what they mean. The pipeline file is
# the example as it stands, exactly-once, with snapshots.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
workload="${1:-${WORKLOAD:-}}"
file="$root/examples/bench/$workload.yaml"
[ -n "$workload" ] && [ -f "$file" ] || { echo "usage: bench/run.sh wordcount|clicks|etl" >&2; exit 2; }

# go build looks at what has changed itself; MILLRACE_BIN is for a binary that is there already
bin="${MILLRACE_BIN:-}"
if [ -z "$bin" ]; then
  bin="$root/bin/processor"
  [ -n "${MILLRACE_BENCH_NO_BUILD:-}" ] && [ -x "$bin" ] || (cd "$root" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$bin" ./cmd/processor)
fi
unset MILLRACE_BIN MILLRACE_BENCH_NO_BUILD

export MILLRACE_PIPELINE="$file"
export MILLRACE_KAFKA_BROKERS="${KAFKA:?the harness passes it}"
export MILLRACE_POSTGRES_URL="${PG_DSN:?the harness passes it}"
export MILLRACE_STATE_DIR="${STATE_DIR:?the harness passes it}/millrace"
export MILLRACE_DELIVERY=exactly-once
export MILLRACE_HTTP_ADDR="${MILLRACE_HTTP_ADDR:-127.0.0.1:0}"
export TOPIC TABLE
exec "$bin" run # the harness's signals must reach the process itself
