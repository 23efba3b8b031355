#!/usr/bin/env bash
# `npm test`: sets up what is missing and runs the unit tests, which need no Docker. With RUN_INTEGRATION_TESTS=1 the
# set-up includes Docker and the build, and the integration tests run after them.
#
#   npm test                                     all unit tests
#   npm test -- tests/unit/pool/*.test.ts        some of them; naming files of one suite leaves the other out
#   npm test -- --match='*hello*'                further arguments are AVA's
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

run_unit=1 run_integration=0
if [[ ${RUN_INTEGRATION_TESTS:-} == 1 ]]; then run_integration=1; fi
if [[ "$*" == *tests/integration/* && "$*" != *tests/unit/* ]]; then run_unit=0; fi
if [[ "$*" == *tests/unit/* && "$*" != *tests/integration/* ]]; then run_integration=0; fi

# debian_package COMMAND PACKAGE: installs the package with the command, unless the command is there. Starts no service of it.
debian_package() {
  if command -v "$1" > /dev/null || ((EUID != 0)) || ! command -v apt-get > /dev/null; then return; fi
  printf 'glambdar: installing %s, which the integration tests need\n' "$2"
  local policy=/usr/sbin/policy-rc.d made=0 status=0
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    made=1
  fi
  apt-get install -y --no-install-recommends "$2" < /dev/null > /dev/null || status=$?
  if ((made)); then rm -f "$policy"; fi
  # A web server of the machine's own shall not appear at the next boot because tests were run.
  if [[ $2 == nginx ]] && command -v systemctl > /dev/null; then systemctl disable nginx > /dev/null 2>&1 || true; fi
  return "$status"
}

if ((run_integration)); then
  bash scripts/bootstrap.sh --docker
  # Tests of faults and of the bridge network run daemons in network namespaces of their own.
  debian_package ip iproute2
  # Tests of image functions make images of a shell from it.
  debian_package busybox busybox-static
  # Tests of published functions put it in front of the server, and open their pages in it.
  debian_package nginx nginx
  debian_package chromium chromium
else
  bash scripts/bootstrap.sh --no-docker --no-build
fi

# Hundreds of Node processes are started; reading a list of extra certificates costs each of them time for nothing.
ava() { env -u NODE_EXTRA_CA_CERTS node_modules/.bin/ava "$@"; }

if ((run_unit)); then
  printf 'glambdar: unit tests\n'
  ava "$@"
fi
if ((run_integration)); then
  printf 'glambdar: integration tests (real Docker)\n'
  ava --config ava.integration.config.js "$@"
elif [[ ${RUN_INTEGRATION_TESTS:-} != 1 ]]; then
  printf 'glambdar: integration tests not run; RUN_INTEGRATION_TESTS=1 npm test runs them too\n'
fi
