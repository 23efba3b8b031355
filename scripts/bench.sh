#!/usr/bin/env bash
# Benchmarks. `npm run bench` measures everything in less than five minutes, `npm run bench:cold` only a cold call
# against the raw Engine API; tests/bench/bench.ts knows the options.
# In a clean environment: NODE_EXTRA_CA_CERTS alone adds 30 ms to every boot of Node 20.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/bootstrap.sh
exec env -i PATH="$PATH" HOME="$HOME" ${DOCKER_HOST:+DOCKER_HOST="$DOCKER_HOST"} ${GLAMBDAR_IMAGE:+GLAMBDAR_IMAGE="$GLAMBDAR_IMAGE"} \
  node --import=tsx tests/bench/bench.ts "$@"
