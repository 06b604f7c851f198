#!/usr/bin/env bash
# Makes the image of the processor from bin/processor (`make build`; PROCESSOR names another file) without a registry: the base is empty.
# Any Docker engine will do, with BuildKit or without.
#
#     deployments/image.sh [millrace:dev]
#
# The certificates are those of this machine: Debian's ca-certificates.crt, or the file that SSL_CERT_FILE names.
set -euo pipefail
cd "$(dirname "$0")/.."
image="${1:-millrace:dev}"
binary="$(realpath "${PROCESSOR:-bin/processor}")"
certs="${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"

die() { echo "image: $*" >&2; exit 1; }
[ -x "$binary" ] || die "there is no $binary: run make build first"
[ -s "$certs" ] || die "there is no $certs: install ca-certificates, or name a file in SSL_CERT_FILE"
# A dynamic binary would start nowhere: the image has no loader. Its interpreter is a program header, named in the file.
! LC_ALL=C grep -qa '/ld-linux\|/ld-musl' "$binary" || die "$binary is not static: build it with CGO_ENABLED=0 (make build)"
# The binary says its version itself: `processor VERSION go… os/arch`.
version="$("$binary" version | cut -d' ' -f2)" || die "$binary does not run here: build the image on the platform that it is for"

context="$(mktemp -d)"
trap 'rm -rf "$context"' EXIT
mkdir "$context/certs" "$context/state"
install -m 0755 "$binary" "$context/processor"
install -m 0644 "$certs" "$context/certs/ca-certificates.crt"
docker build -q -f deployments/Dockerfile.prebuilt --build-arg "VERSION=$version" -t "$image" "$context" >/dev/null
echo "image: $image is $version"
