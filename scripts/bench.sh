#!/usr/bin/env bash
# Benchmarks. `npm run bench:cold`: a cold call against the raw Engine API, interleaved.
# In a clean environment: NODE_EXTRA_CA_CERTS alone adds 30 ms to every boot of Node 20.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/bootstrap.sh
name=${1:?which benchmark? known: cold}
shift
exec env -i PATH="$PATH" HOME="$HOME" ${DOCKER_HOST:+DOCKER_HOST="$DOCKER_HOST"} ${GLAMBDAR_IMAGE:+GLAMBDAR_IMAGE="$GLAMBDAR_IMAGE"} \
  node --import=tsx "tests/bench/$name.ts" "$@"
