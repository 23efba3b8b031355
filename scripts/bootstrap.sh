#!/usr/bin/env bash
# Sets up what the server and the tests need: dependencies, the build, a Docker daemon. Every step first looks
# whether there is anything to do, so that running this again costs a fraction of a second and changes nothing.
#
#   scripts/bootstrap.sh [--docker | --no-docker] [--no-build]
#
#   --docker     make sure that a Docker daemon answers (the default)
#   --no-docker  leave Docker alone: unit tests need none
#   --no-build   leave dist/ alone: unit tests run the TypeScript itself
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf 'glambdar: %s\n' "$*" >&2; }
stop() {
  say "$@"
  exit 1
}

with_docker=1 with_build=1
for argument in "$@"; do
  case $argument in
    --docker) with_docker=1 ;;
    --no-docker) with_docker=0 ;;
    --no-build) with_build=0 ;;
    *) stop "unknown argument '$argument'; known are --docker, --no-docker and --no-build" ;;
  esac
done

# Two set-ups in one checkout would tear each other's node_modules down, so whoever has something to do waits its
# turn. The lock is on the folder itself and goes with this process; no file is left behind.
lock() {
  exec 9< .
  if ! command -v flock > /dev/null || flock --nonblock 9; then return; fi
  say 'another set-up is at work in this folder; waiting for it'
  flock 9
}

# --- 1. Node ----------------------------------------------------------------------------------------------------
# is_new_enough VERSION: whether it is 20.19 or newer. VERSION may begin with a v, and end with a package's own revision.
is_new_enough() {
  local major minor
  IFS=. read -r major minor _ <<< "${1#v}"
  [[ $major =~ ^[0-9]+$ && ${minor:-} =~ ^[0-9]+$ ]] && ((major > 20 || (major == 20 && minor >= 19)))
}

# The newest version of Debian's package nodejs that this machine's apt knows of; nothing when it knows none.
packaged_node() {
  command -v apt-cache > /dev/null || return 0
  apt-cache policy nodejs 2> /dev/null | sed -nE 's/^ *Candidate: ([0-9]+:)?([0-9].*)$/\2/p'
}

explain_node() {
  say "$1"
  if is_new_enough "$(packaged_node)"; then
    say 'The package of this system is new enough:'
    printf '    %s\n' 'sudo apt-get install -y nodejs npm' >&2
  elif command -v apt-get > /dev/null; then
    say 'The package of this system is too old; the npm package "n" installs a newer one beside it:'
    printf '    %s\n' 'sudo apt-get update && sudo apt-get install -y npm' 'sudo npm install -g n && sudo n 24' 'hash -r' >&2
  else
    say 'Install it from https://nodejs.org/en/download, then try again.'
  fi
  exit 1
}

check_node() {
  command -v node > /dev/null || explain_node 'Node.js 20.19 or newer is needed, and there is no node here.'
  is_new_enough "$(node --version)" || explain_node "Node.js 20.19 or newer is needed; this is $(node --version)."
  command -v npm > /dev/null ||
    stop 'npm is needed, and there is none here. On Debian and Ubuntu: sudo apt-get install -y npm'
}

# --- 2. Docker --------------------------------------------------------------------------------------------------
ping_docker() { node scripts/docker-ping.mjs "$@" || true; }

explain_denied() {
  say 'Docker runs here, but this user may not talk to it. Either join the docker group (its members are as good as root):'
  # shellcheck disable=SC2016 # $USER is for the reader's shell
  printf '    sudo usermod -aG docker "$USER"    # then log in again, or: newgrp docker\n' >&2
  say 'or run the command with sudo.'
  exit 1
}

have_dockerd() { PATH="$PATH:/usr/sbin:/sbin" command -v dockerd > /dev/null; }

explain_by_hand() {
  say "$1 By hand:"
  if have_dockerd; then
    : # then it only has to be started
  elif command -v apt-get > /dev/null; then
    printf '    %s\n' 'sudo apt-get update' 'sudo apt-get install -y --no-install-recommends docker.io' >&2
  else
    printf '    %s\n' "install Docker Engine with this system's package manager" >&2
  fi
  if [[ -d /run/systemd/system ]]; then
    printf '    %s\n' 'sudo systemctl start docker' >&2
  else
    printf '    %s\n' "sudo sh -c 'setsid dockerd > /var/log/dockerd.log 2>&1 < /dev/null &'" >&2
  fi
  # shellcheck disable=SC2016
  printf '    %s\n' 'sudo usermod -aG docker "$USER"    # then log in again, or: newgrp docker' >&2
  exit 1
}

# Makes sure that `sudo -n` works for the next minutes: asks for the password once, on a terminal, after saying what for.
become_root() {
  if ! command -v sudo > /dev/null; then
    explain_by_hand 'no Docker daemon answers, and setting one up needs root or sudo, which is not here.'
  fi
  if sudo -n true 2> /dev/null; then return; fi
  if [[ ! -t 0 || ! -t 2 ]]; then
    explain_by_hand 'no Docker daemon answers, and setting one up needs root: sudo would ask for a password, and there is no terminal.'
  fi
  if have_dockerd; then
    say 'No Docker daemon answers. Starting it needs root, so sudo asks for your password:'
  else
    say "No Docker daemon answers. Installing Debian's docker.io and starting it needs root, so sudo asks for your password:"
  fi
  sudo -v || explain_by_hand 'sudo did not let this user in.'
}

ensure_docker() {
  local state as_root=()
  state=$(ping_docker)
  if [[ $state == answers ]]; then return; fi
  if [[ -n ${DOCKER_HOST:-} ]]; then
    stop "DOCKER_HOST names $DOCKER_HOST, and no Docker daemon answers there (${state:-no reason known}). Start that one, or unset DOCKER_HOST."
  fi
  if [[ $state == denied ]]; then explain_denied; fi

  # A socket that accepts but keeps silent is a daemon starting up (or systemd starting it): wait for it.
  if [[ $state == silent ]]; then
    say 'a Docker daemon is there but does not answer yet; waiting up to 60 s'
    state=$(ping_docker --wait 60)
    if [[ $state == answers ]]; then return; fi
    stop 'the Docker daemon accepts connections at /var/run/docker.sock but does not answer. Look at its log, or restart it.'
  fi

  if ((EUID != 0)); then
    become_root
    as_root=(sudo -n)
  fi
  if ! have_dockerd && ! command -v apt-get > /dev/null; then
    explain_by_hand 'no Docker daemon answers, Docker is not installed, and this is not a Debian or Ubuntu.'
  fi
  lock
  if [[ $(ping_docker) == answers ]]; then return; fi
  # The path of node: sudo may look in other places than we do.
  "${as_root[@]}" bash scripts/docker-setup.sh "$(command -v node)" ||
    explain_by_hand 'Docker could not be set up; the reason is above.'
  state=$(ping_docker)
  if [[ $state == denied ]]; then explain_denied; fi
  if [[ $state != answers ]]; then stop "the Docker daemon was started but does not answer ($state)."; fi
}

# --- 3. Dependencies --------------------------------------------------------------------------------------------
# npm removes node_modules before it installs, and with it the stamp: an interrupted install is never taken for whole.
dependencies_are_current() { cmp -s package-lock.json node_modules/.glambdar-lock; }

# Says every five seconds how far npm is, which itself is silent for most of a minute; ends when it is killed.
tell_progress() {
  local wanted found started=$SECONDS
  wanted=$(node scripts/package-count.mjs)
  trap 'kill "${pause:-}" 2> /dev/null; exit' TERM
  while :; do
    sleep 5 9>&- &
    pause=$!
    wait "$pause"
    found=$(find node_modules -name package.json 2> /dev/null |
      grep -cE '(^|/)node_modules/(@[^/]+/)?[^/@]+/package\.json$' || true)
    say "npm is at work since $((SECONDS - started)) s: $found of $wanted packages are here"
  done
}

install_dependencies() {
  if dependencies_are_current; then return; fi
  lock
  if dependencies_are_current; then return; fi
  say 'installing the dependencies (npm ci); this takes up to a minute'
  tell_progress &
  local teller=$! code=0
  npm ci --include=dev --no-progress --loglevel=error < /dev/null || code=$?
  kill "$teller" 2> /dev/null || true
  wait "$teller" 2> /dev/null || true
  if ((code)); then stop 'npm could not install the dependencies; the reason is above.'; fi
  cp package-lock.json node_modules/.glambdar-lock
}

# --- 4. Build ---------------------------------------------------------------------------------------------------
build() {
  if bash scripts/build.sh --check; then return; fi
  lock
  if bash scripts/build.sh --check; then return; fi
  say 'building (tsc)'
  bash scripts/build.sh || stop 'the build failed; the reason is above.'
}

# Docker comes before the dependencies: whoever lacks the rights should learn it before npm has been at work for a minute.
check_node
if ((with_docker)); then ensure_docker; fi
install_dependencies
if ((with_build)); then build; fi
