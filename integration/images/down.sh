#!/usr/bin/env bash
# Stops the engine that up.sh started, and the containers in it. An engine that was there before is left alone. The cache stays;
# `down.sh --purge` removes it too.
set -euo pipefail
. "$(dirname "$0")/env.sh"
if pid="$(engine_pid)"; then
  left="$(docker -H "unix://$ENGINE_SOCKET" ps -aq 2>/dev/null || true)"
  # shellcheck disable=SC2086 # one word an id
  [ -z "$left" ] || docker -H "unix://$ENGINE_SOCKET" rm -fv $left >/dev/null
  kill "$pid"
  for _ in $(seq 150); do kill -0 "$pid" 2>/dev/null || break; sleep 0.2; done
  kill -0 "$pid" 2>/dev/null && die 1 "dockerd (pid $pid) does not stop: see $ENGINE_DIR/dockerd.log"
  say "engine stopped"
fi
rm -f "$IMAGES_ENV"
[ "${1:-}" != --purge ] || rm -rf "$MILLRACE_CACHE/engine" "$MILLRACE_CACHE/images" "$MILLRACE_CACHE"/kafka-jars-*
