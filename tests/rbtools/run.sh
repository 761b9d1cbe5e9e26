#!/usr/bin/env bash
# RBTools, Review Board's own client, against the development server: its library and its commands, with repositories of a Git
# server on loopback. Says what it plays in lines that begin with `ok`, and fails at the first surprise. Needs a built server.
# Leaves nothing running behind.
#
# usage: tests/rbtools/run.sh
#   REPOPLANE_DEV   the built server                        (default: target/debug/repoplane-dev)
#   KEEP_LOGS       folder for the processes' output        (default: none is kept)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
exec </dev/null

# Longest wait, in seconds, for what is built already to answer.
patience=60
dev=${REPOPLANE_DEV:-${CARGO_TARGET_DIR:-$PWD/target}/debug/repoplane-dev}
venv=$PWD/target/rbtools-venv
export PIP_DISABLE_PIP_VERSION_CHECK=1
# Everything here is on loopback, whatever proxy the machine has.
export NO_PROXY='*' no_proxy='*'

complain() { cat "$work/server-errors.log"; }
source tests/jobs.sh

serves_git() { [[ -n $(printed git.log 'git server') ]]; }
is_up() { grep -qs '^Ctrl-C ends this server' "$work/server.log"; }

for tool in python3 git; do
  command -v "$tool" >/dev/null || fail "$tool is missing"
done
[[ -x $dev ]] || fail "$dev is not built: cargo build -p repoplane-local"

python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --requirement tests/rbtools/requirements.txt

python3 tests/e2e/git_server.py "$work/git" demo.git other.git >"$work/git.log" 2>&1 &
jobs+=($!)
wait_for "${jobs[0]}" 'the Git server' serves_git
git=$(printed git.log 'git server')

env -u REPOPLANE_ADMIN_TOKEN REPOPLANE_EGRESS_ALLOW="$git" "$dev" --memory --port 0 \
  >"$work/server.log" 2>"$work/server-errors.log" &
jobs+=($!)
wait_for "${jobs[1]}" 'the server' is_up

# The token reaches the program by the environment, so that it stands in no list of processes.
REPOPLANE_TOKEN=$(printed server.log 'admin token') "$venv/bin/python" tests/rbtools/play.py \
  --base "$(printed server.log 'repoplane ready')" --remotes "http://$git/demo.git" "http://$git/other.git" &
jobs+=($!)
wait "${jobs[2]}"
