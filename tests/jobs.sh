# For scripts that start servers, wait for them and leave nothing running: sourced, not run. The script sets `patience`, the
# longest wait in seconds for what is built already to answer, and may define `complain`, which is called when it fails.
# shellcheck shell=bash

# Each job gets a process group, so that what it has started can be ended with it.
set -m
work=$(mktemp -d)
jobs=()

finish() {
  local status=$?
  trap - EXIT
  if ((status)) && declare -F complain >/dev/null; then
    complain >&2 || true
  fi
  for job in "${jobs[@]}"; do
    kill -- "-$job" 2>/dev/null || true
  done
  for job in "${jobs[@]}"; do
    # What does not end by itself within a few seconds is ended.
    for _ in $(seq 50); do kill -0 -- "-$job" 2>/dev/null || break; sleep 0.1; done
    kill -KILL -- "-$job" 2>/dev/null || true
    wait "$job" 2>/dev/null || true
  done
  if [[ -n ${KEEP_LOGS:-} ]]; then mkdir -p "$KEEP_LOGS" && cp "$work"/*.log "$KEEP_LOGS" || true; fi
  rm -rf "$work"
  exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
  printf 'error: %s\n' "$1" >&2
  exit 1
}

# wait_for JOB WHAT COMMAND…: until the command succeeds, while the job lives.
wait_for() {
  local job=$1 what=$2 until=$((SECONDS + patience))
  shift 2
  until "$@"; do
    kill -0 "$job" 2>/dev/null || fail "$what ended"
    ((SECONDS < until)) || fail "$what does not answer"
    sleep 0.2
  done
}

# printed LOG LABEL: what a server has printed behind a label.
printed() { sed -n "s/^$2: //p" "$work/$1"; }

# free_port FROM: one that nobody listens on.
free_port() {
  local port=$(($1 + RANDOM % 10000))
  while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  printf '%s' "$port"
}
