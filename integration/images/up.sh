#!/usr/bin/env bash
# Makes sure that the container tests have an engine and two images (Kafka and Postgres), and says so in images.env:
#
#   engine   the one that answers `docker info`; else, as root on Debian, our own dockerd (packages docker.io, mmdebstrap)
#   images   the official ones if a registry answers; else built here from Debian's packages and Maven Central's jars
#
# A second run takes seconds: engine data, images and jars stay in ${MILLRACE_CACHE:-~/.cache/millrace}.
# Exit codes: 0 ready; 3 no engine can be had; 4 an image can be neither pulled nor built.
# MILLRACE_IMAGES=build builds even where a registry answers.
set -euo pipefail
. "$(dirname "$0")/env.sh"
mkdir -p "$ENGINE_DIR" "$TARS_DIR"

need() { # package...: installs Debian packages that are missing
  local missing=() p
  for p; do dpkg -s "$p" >/dev/null 2>&1 || missing+=("$p"); done
  [ "${#missing[@]}" = 0 ] && return 0
  say "installing ${missing[*]}"
  [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -mtime -1 2>/dev/null | head -n 1)" ] || apt-get -qq update >&2
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >>"$ENGINE_DIR/apt.log" 2>&1 ||
    { tail -n 20 "$ENGINE_DIR/apt.log" >&2; return 1; }
}
is_debian_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# ---- engine
own_engine() {
  is_debian_root || die 3 "no Docker engine answers ('docker info'), and without root on Debian none can be started here. Start Docker, or run this as root."
  need docker.io ca-certificates iptables || die 3 "docker.io cannot be installed: see $ENGINE_DIR/apt.log"
  say "starting dockerd (log: $ENGINE_DIR/dockerd.log)"
  rm -f "$ENGINE_SOCKET"
  setsid dockerd --data-root "$ENGINE_DIR/data" --exec-root "$ENGINE_DIR/run" --pidfile "$ENGINE_DIR/dockerd.pid" \
    --host "unix://$ENGINE_SOCKET" --storage-driver overlay2 >"$ENGINE_DIR/dockerd.log" 2>&1 </dev/null &
  for _ in $(seq 150); do docker info >/dev/null 2>&1 && return 0; sleep 0.2; done
  tail -n 20 "$ENGINE_DIR/dockerd.log" >&2
  die 3 "dockerd did not come up within 30 s: its last words stand above"
}
if [ -z "$(engine_pid)" ] && docker info >/dev/null 2>&1; then
  say "using the Docker engine that is there"
else
  export DOCKER_HOST="unix://$ENGINE_SOCKET"
  docker info >/dev/null 2>&1 || own_engine
fi

# ---- images
hash_of() { find "$IMAGES_DIR/$1" -type f -print0 | sort -z | xargs -0 cat | sha256sum | cut -c1-12; }
have() { docker image inspect "$1" >/dev/null 2>&1; }
base() { # name: a minimal Debian with the folder's packages, as an image
  is_debian_root || die 4 "no registry answers, and the images can be built only as root on Debian"
  need mmdebstrap || die 4 "mmdebstrap cannot be installed: see $ENGINE_DIR/apt.log"
  local packages; packages="$(paste -sd, "$IMAGES_DIR/$1/packages")"
  say "making the $1 base from Debian $DEBIAN_SUITE ($packages)"
  # to a file first: a pipe would import what a failed mmdebstrap left
  mmdebstrap --variant=minbase --include="$packages" \
    --essential-hook='mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    "$DEBIAN_SUITE" "$TARS_DIR/.base.tar" >"$ENGINE_DIR/mmdebstrap.log" 2>&1 ||
    { tail -n 20 "$ENGINE_DIR/mmdebstrap.log" >&2; die 4 "the $1 base cannot be made: mmdebstrap's last words stand above"; }
  docker import "$TARS_DIR/.base.tar" "millrace-test/$1-base" >/dev/null || die 4 "the $1 base cannot be imported"
  rm -f "$TARS_DIR/.base.tar"
}
jars() { # the broker's jars, checked against the list of digests
  local dir="$MILLRACE_CACHE/kafka-jars-$KAFKA_VERSION"
  if ! (cd "$dir" 2>/dev/null && sha256sum --quiet --check "$IMAGES_DIR/kafka/jars.sha256" >/dev/null 2>&1); then
    is_debian_root && ! command -v mvn >/dev/null && { need maven || die 4 "maven cannot be installed: see $ENGINE_DIR/apt.log"; }
    say "fetching Kafka $KAFKA_VERSION from Maven Central"
    rm -rf "$dir"; mkdir -p "$dir"
    mvn -q -B -f "$IMAGES_DIR/kafka/pom.xml" dependency:copy-dependencies -DoutputDirectory="$dir" -DincludeScope=runtime >&2 ||
      die 4 "Kafka's jars cannot be fetched from Maven Central"
    (cd "$dir" && sha256sum --quiet --check "$IMAGES_DIR/kafka/jars.sha256" >&2) || die 4 "Kafka's jars are not those of kafka/jars.sha256"
  fi
  echo "$dir"
}
build() { # name tag: from the base, the folder of that name and (Kafka) the jars
  local context; context="$(mktemp -d)"
  cp -R "$IMAGES_DIR/$1/." "$context"
  base "$1"
  if [ "$1" = kafka ]; then local libs; libs="$(jars)"; mkdir "$context/jars"; cp "$libs"/*.jar "$context/jars"; fi
  say "building $2"
  DOCKER_BUILDKIT=0 docker build -t "$2" "$context" >"$ENGINE_DIR/build.log" 2>&1 ||
    { tail -n 20 "$ENGINE_DIR/build.log" >&2; die 4 "$2 cannot be built: the last words stand above"; }
  rm -rf "$context"
  docker save -o "$TARS_DIR/.part" "$2" && mv "$TARS_DIR/.part" "$(tar_of "$2")"
}
registry_answers() {
  timeout 5 bash -c '</dev/tcp/registry-1.docker.io/443' 2>>"$ENGINE_DIR/pull.log"
}
tar_of() { echo "$TARS_DIR/$(echo "$1" | tr '/:' '--').tar"; }
image() { # name official: prints the tag to use
  local tag; tag="millrace-test/$1:$(hash_of "$1")"
  if [ "${MILLRACE_IMAGES:-}" != build ]; then
    have "$2" && { echo "$2"; return; }
    have "$tag" && { echo "$tag"; return; }
    registry_answers && timeout 300 docker pull -q "$2" >/dev/null 2>>"$ENGINE_DIR/pull.log" && { echo "$2"; return; }
    say "$2 cannot be pulled (see $ENGINE_DIR/pull.log): using our own"
  fi
  have "$tag" || { [ -s "$(tar_of "$tag")" ] && say "loading $tag" && docker load -q -i "$(tar_of "$tag")" >/dev/null; } || build "$1" "$tag"
  echo "$tag"
}
kafka="$(image kafka "$KAFKA_OFFICIAL")"
postgres="$(image postgres "$POSTGRES_OFFICIAL")"

{ # Ryuk, testcontainers' reaper, is one more image: the harness ends what it started, and down.sh what is left in our own engine
  echo "export MILLRACE_TEST_KAFKA_IMAGE=$kafka"
  echo "export MILLRACE_TEST_POSTGRES_IMAGE=$postgres"
  echo "export TESTCONTAINERS_RYUK_DISABLED=true"
  [ -n "${DOCKER_HOST:-}" ] && echo "export DOCKER_HOST=$DOCKER_HOST"
} >"$IMAGES_ENV" || true
say "ready: $kafka, $postgres"
