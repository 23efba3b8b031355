#!/usr/bin/env bash
# `npm start`: sets up what is missing, then becomes the server (exec: signals reach it, its exit code is ours).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash scripts/bootstrap.sh --docker
exec node dist/src/cli/main.js start "$@"
