#!/usr/bin/env bash
# Installs Docker (Debian's docker.io) if it is missing, and starts it. Run by bootstrap.sh, as root, when no daemon
# answers. It never stops or kills anything.
#
#   scripts/docker-setup.sh NODE     NODE: the path of node, for docker-ping.mjs
set -euo pipefail
PATH="$PATH:/usr/sbin:/sbin"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
log_dir=/var/log
run_dir=/var/run
systemd_dir=/run/systemd/system # there exactly when systemd runs
answer_within_s=60

say() { printf 'glambdar: %s\n' "$*" >&2; }

# process_is PID NAME: whether that process lives and is the program of that name.
process_is() {
  local comm
  [[ $1 =~ ^[0-9]+$ ]] || return 1
  { read -r comm < "/proc/$1/comm"; } 2> /dev/null || return 1
  [[ $comm == "$2" ]]
}

# remove_stale_pid_file FILE NAME: removes FILE unless the process it names is a living NAME.
# dockerd refuses to start when its file names any living process, and it takes any process in containerd's file for
# containerd and waits for it; after a power cut the number may long belong to something else.
remove_stale_pid_file() {
  local file=$1 name=$2 pid=''
  [[ -e $file ]] || return 0
  read -r pid < "$file" || true
  if process_is "$pid" "$name"; then return 0; fi
  say "removing $file: no $name runs as process ${pid:-(none)}"
  rm -f "$file"
}

# close_inherited_files: closes everything but stdin, stdout and stderr, so that a daemon does not keep our caller's
# pipes open: whoever reads one to its end (CI does) would wait for as long as the daemon lives.
close_inherited_files() {
  local path number
  for path in /proc/"$BASHPID"/fd/*; do
    number=${path##*/}
    if ((number > 2 && number != 255)); then eval "exec $number>&-"; fi # 255 is bash's own, closed on exec
  done
}

have_dockerd() { command -v dockerd > /dev/null; }

install_docker() {
  local apt_log=$log_dir/glambdar-apt.log
  export DEBIAN_FRONTEND=noninteractive
  # A list that cannot be fetched (an extra repository, say) is no reason to stop: the install decides.
  apt-get update < /dev/null > "$apt_log" 2>&1 || true
  if ! apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends docker.io < /dev/null >> "$apt_log" 2>&1; then
    say "apt-get could not install docker.io; the end of $apt_log:"
    tail -n 15 "$apt_log" >&2
    return 1
  fi
}

start_with_systemd() {
  if systemctl start docker < /dev/null; then return 0; fi
  say 'systemd could not start Docker; the end of its log:'
  journalctl --no-pager -u docker -n 15 >&2 || true
  return 1
}

# Prints nothing, sets dockerd_pid.
start_by_hand() {
  (
    close_inherited_files
    cd /
    exec setsid dockerd < /dev/null >> "$log_dir/glambdar-dockerd.log" 2>&1
  ) &
  dockerd_pid=$!
}

wait_for_answer() {
  local node=$1 pid=${2:-} dockerd_log=$log_dir/glambdar-dockerd.log deadline=$((SECONDS + answer_within_s))
  until "$node" "$here/docker-ping.mjs" > /dev/null; do
    if [[ -n $pid ]] && ! kill -0 "$pid" 2> /dev/null; then
      say "dockerd ended; the end of $dockerd_log:"
    elif ((SECONDS >= deadline)); then
      say "Docker did not answer within $answer_within_s s; the end of $dockerd_log:"
    else
      sleep 0.1
      continue
    fi
    tail -n 15 "$dockerd_log" >&2 || true
    return 1
  done
}

main() {
  local node=$1 pid='' plan dockerd_pid=''
  read -r pid 2> /dev/null < "$run_dir/docker.pid" || true
  if process_is "$pid" dockerd; then
    say "dockerd runs as process $pid but does not answer yet; waiting for it"
    wait_for_answer "$node"
    return
  fi

  plan='starting dockerd'
  if ! have_dockerd; then plan="installing Debian's docker.io with apt-get and starting dockerd"; fi
  say "no Docker daemon answers: $plan (logs: $log_dir/glambdar-*.log)"
  if ! have_dockerd; then install_docker; fi

  if [[ -d $systemd_dir ]]; then
    start_with_systemd
  else
    remove_stale_pid_file "$run_dir/docker.pid" dockerd
    remove_stale_pid_file "$run_dir/docker/containerd/containerd.pid" containerd
    start_by_hand
  fi
  wait_for_answer "$node" "$dockerd_pid"
  say 'Docker answers'
}

# Sourced (by a test), it only defines its functions.
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then main "$@"; fi
