#!/usr/bin/env bash
# Schemathesis against the development server: generated calls, held against the served document. All checks are on; any
# failure fails the run. Needs a built server and the command of the PyPI package `schemathesis`.
#
# usage: tests/schemathesis/run.sh
#   REPOPLANE_DEV      the built server       (default: target/debug/repoplane-dev)
#   SCHEMATHESIS       the command            (default: schemathesis)
#   MAX_EXAMPLES       calls per operation    (default: 20)
#   SEED               of the generated data  (default: 1)
#   REPORTS            folder for the reports (default: none are kept)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
server=${REPOPLANE_DEV:-${CARGO_TARGET_DIR:-$root/target}/debug/repoplane-dev}
command=${SCHEMATHESIS:-schemathesis}
scratch=$(mktemp -d)
pid=

finish() {
  if [[ -n $pid ]]; then
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}
trap finish EXIT

# The demo leaves a repository with robot, rule, delivery and task behind, so that lists are not empty.
env -u REPOPLANE_ADMIN_TOKEN -u REPOPLANE_EGRESS_ALLOW "$server" --memory --demo --port 0 >"$scratch/out" 2>"$scratch/err" </dev/null &
pid=$!
for _ in $(seq 600); do
  if grep -q '^Everything is up' "$scratch/out"; then break; fi
  if ! kill -0 "$pid" 2>/dev/null; then break; fi
  sleep 0.1
done
base=$(sed -n 's/^repoplane ready: //p' "$scratch/out")
token=$(sed -n 's/^admin token: //p' "$scratch/out")
if [[ -z $base || -z $token ]]; then
  printf 'the server did not start:\n' >&2
  cat "$scratch/err" >&2
  exit 1
fi

# The token reaches the configuration by the environment, so that it stands in no list of processes.
export REPOPLANE_TOKEN=$token
# What Hypothesis remembers between runs would make two runs differ.
cd "$scratch"
reports=()
if [[ -n ${REPORTS:-} ]]; then reports=(--report ndjson,junit --report-dir "$REPORTS"); fi
"$command" --config-file "$here/schemathesis.toml" run "$base/api/openapi.json" \
  --url "$base" --seed "${SEED:-1}" --max-examples "${MAX_EXAMPLES:-20}" "${reports[@]}"

# Whatever was called: nothing of ours may have failed.
if grep -q 'A handler panicked\|Stored data cannot be read' "$scratch/err"; then
  cat "$scratch/err" >&2
  exit 1
fi
