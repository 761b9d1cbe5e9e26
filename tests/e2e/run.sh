#!/usr/bin/env bash
# The stack of infra/template.yaml, deployed: CloudFormation, gateway, functions, queues, schedules and table of an emulator on
# loopback, with the binaries of the development build. Says what it drives in lines that begin with `ok`, and fails at the
# first surprise. Leaves nothing running behind.
#
# usage: tests/e2e/run.sh
#   STORM      webhooks of the storm               (default: 300)
#   TEMPLATE   the template                        (default: infra/template.yaml)
#   KEEP_LOGS  folder for the processes' output    (default: none is kept)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec </dev/null

# The emulator and what it expands the SAM transform with. In an environment of their own: their botocore is pinned.
ministack=1.5.33
sam_translator=1.115.0
boto3=1.43.106

# Longest wait, in seconds, for what is built already to answer.
patience=60
target=${CARGO_TARGET_DIR:-$PWD/target}
venv=$PWD/target/e2e-venv
export PIP_DISABLE_PIP_VERSION_CHECK=1
# Everything here is on loopback, whatever proxy the machine has.
export NO_PROXY='*' no_proxy='*'

# Each job gets a process group, so that what the emulator has started can be ended with it.
set -m
work=$(mktemp -d)
jobs=()

finish() {
  local status=$?
  trap - EXIT
  if ((status)); then
    # Whole lines of the functions' logs are wide: enough of them to see what went wrong.
    tail -n 25 "$work/ministack.log" 2>/dev/null | cut -c1-1000 >&2 || true
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

value() { sed -n "s/^$1: //p" "$work/double.log"; }
has_double() { [[ -n $(value 'provider double') ]]; }
is_up() { curl -fsS --max-time 5 "$AWS_ENDPOINT_URL/_ministack/health" >/dev/null 2>&1; }
is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

for tool in cargo python3 curl openssl git strip; do
  command -v "$tool" >/dev/null || fail "$tool is missing"
done

python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet "ministack==$ministack" "aws-sam-translator==$sam_translator" "boto3==$boto3"

# Built with the features of the whole workspace, as `cargo test` builds: nothing is built twice.
cargo build --workspace --bins --locked

# What the functions reach as their provider. Its own control plane, in memory, is not looked at.
env -u REPOPLANE_ADMIN_TOKEN -u REPOPLANE_EGRESS_ALLOW "$target/debug/repoplane-dev" --memory --port 0 \
  >"$work/double.log" 2>"$work/double-errors.log" &
jobs+=($!)
wait_for "${jobs[0]}" 'the provider double' has_double

port=$((20000 + RANDOM % 10000))
while is_taken "$port"; do port=$((port + 1)); done
# AUTH: calls are checked against the policies of the caller's role, and the functions have the roles of the template.
# IOT_MTLS_ENABLED, SFTP_ENABLED: no further listeners, of which one would be on all interfaces.
mkdir "$work/tmp"
export AWS_ENDPOINT_URL="http://127.0.0.1:$port" AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1
env -u AWS_PROFILE -u AWS_SESSION_TOKEN AUTH=true BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 \
  STATE_DIR="$work/state" S3_DATA_DIR="$work/s3" TMPDIR="$work/tmp" "$venv/bin/ministack" >"$work/ministack.log" 2>&1 &
jobs+=($!)
wait_for "${jobs[1]}" 'the emulator' is_up

"$venv/bin/python" tests/e2e/drive.py --binaries "$target/debug" --work "$work" --double "$(value 'provider double')" \
  --template "${TEMPLATE:-infra/template.yaml}" --storm "${STORM:-300}" &
jobs+=($!)
wait "${jobs[2]}"
