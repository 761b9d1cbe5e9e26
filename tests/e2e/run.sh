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
# Review Board's client, in an environment of its own, as tests/rbtools/run.sh has it.
rbtools=$PWD/target/rbtools-venv
export PIP_DISABLE_PIP_VERSION_CHECK=1
# Everything here is on loopback, whatever proxy the machine has.
export NO_PROXY='*' no_proxy='*'

# Whole lines of the functions' logs are wide: enough of them to see what went wrong.
complain() { tail -n 25 "$work/ministack.log" | cut -c1-1000; }
source tests/jobs.sh

has_double() { [[ -n $(printed double.log 'provider double') ]]; }
is_up() { curl -fsS --max-time 5 "$AWS_ENDPOINT_URL/_ministack/health" >/dev/null 2>&1; }

for tool in cargo python3 curl openssl git strip; do
  command -v "$tool" >/dev/null || fail "$tool is missing"
done

python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet "ministack==$ministack" "aws-sam-translator==$sam_translator" "boto3==$boto3"

python3 -m venv "$rbtools"
"$rbtools/bin/python" -m pip install --quiet --requirement tests/rbtools/requirements.txt

# Built with the features of the whole workspace, as `cargo test` builds: nothing is built twice.
cargo build --workspace --bins --locked

# What the functions reach as their provider. Its own control plane, in memory, is not looked at.
env -u REPOPLANE_ADMIN_TOKEN -u REPOPLANE_EGRESS_ALLOW "$target/debug/repoplane-dev" --memory --port 0 \
  >"$work/double.log" 2>"$work/double-errors.log" &
jobs+=($!)
wait_for "${jobs[0]}" 'the provider double' has_double

port=$(free_port 20000)
# AUTH: calls are checked against the policies of the caller's role, and the functions have the roles of the template.
# IOT_MTLS_ENABLED, SFTP_ENABLED: no further listeners, of which one would be on all interfaces.
mkdir "$work/tmp"
export AWS_ENDPOINT_URL="http://127.0.0.1:$port" AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1
env -u AWS_PROFILE -u AWS_SESSION_TOKEN AUTH=true BIND_HOST=127.0.0.1 GATEWAY_PORT="$port" IOT_MTLS_ENABLED=0 SFTP_ENABLED=0 \
  STATE_DIR="$work/state" S3_DATA_DIR="$work/s3" TMPDIR="$work/tmp" "$venv/bin/ministack" >"$work/ministack.log" 2>&1 &
jobs+=($!)
wait_for "${jobs[1]}" 'the emulator' is_up

"$venv/bin/python" tests/e2e/drive.py --binaries "$target/debug" --work "$work" --double "$(printed double.log 'provider double')" \
  --rbtools "$rbtools/bin/python" --template "${TEMPLATE:-infra/template.yaml}" --storm "${STORM:-300}" &
jobs+=($!)
wait "${jobs[2]}"
