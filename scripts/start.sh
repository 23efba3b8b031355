#!/usr/bin/env bash
# `npm start`: sets up what is missing, then becomes the server (exec: signals reach it, its exit code is ours).
# With --help, which starts nothing, Docker is left alone. A daemon that --docker-host names is the one to look for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

setup=--docker previous=''
for argument in "$@"; do
  case $argument in
    --help | -h) setup=--no-docker ;;
    --docker-host=*) export DOCKER_HOST=${argument#*=} ;;
    *) if [[ $previous == --docker-host ]]; then export DOCKER_HOST=$argument; fi ;;
  esac
  previous=$argument
done

bash scripts/bootstrap.sh "$setup"
exec node dist/src/cli/main.js start "$@"
