#!/usr/bin/env bash
# `npm run admin -- …`: what an operator does on the server's own machine, without the server and without Docker.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/bootstrap.sh --no-docker >&2
exec node dist/src/admin.js "$@"
