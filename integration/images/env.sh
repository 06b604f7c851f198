# Sourced by up.sh and down.sh: where things are kept. Everything is below one cache folder, so that removing it removes all traces.
IMAGES_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
MILLRACE_CACHE="${MILLRACE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/millrace}"
ENGINE_DIR="$MILLRACE_CACHE/engine"       # our own dockerd: data, pid, log, socket
ENGINE_SOCKET="$ENGINE_DIR/docker.sock"
TARS_DIR="$MILLRACE_CACHE/images"         # images that were built, for an engine that has not got them
IMAGES_ENV="$MILLRACE_CACHE/images.env"   # what the tests need to know; sourced by the Makefile
KAFKA_VERSION=4.3.0
KAFKA_OFFICIAL="apache/kafka:$KAFKA_VERSION"
POSTGRES_OFFICIAL="postgres:17"
DEBIAN_SUITE=bookworm

say() { echo "images: $*" >&2; }
die() { local code=$1; shift; echo "images: $*" >&2; exit "$code"; }
engine_pid() { # prints the pid of the dockerd that up.sh started, if it still runs
  local pid
  pid="$(cat "$ENGINE_DIR/dockerd.pid" 2>/dev/null)" || return 1
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] && echo "$pid"
}
