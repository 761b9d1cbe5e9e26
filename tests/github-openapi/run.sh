#!/usr/bin/env bash
# Every kind of request that is made of GitHub, held against GitHub's own OpenAPI description: Prism serves it, and the
# test `openapi::` of the crate repoplane-providers asks. Needs node and npm. Leaves nothing running behind.
#
# usage: tests/github-openapi/run.sh
#   PACKAGES   folder that keeps the installed packages   (default: target/github-openapi)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
packages=${PACKAGES:-${CARGO_TARGET_DIR:-$root/target}/github-openapi}
# Longest wait, in seconds, for the mock: reading the description takes about 20 s and 350 MB.
patience=300
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

fail() {
  printf 'error: %s\n' "$1" >&2
  cat "$scratch/mock" >&2 2>/dev/null || true
  exit 1
}

command -v npm >/dev/null || fail 'npm is missing'

# Outside of the tree, and once for each lock file: the stamp is written when everything is there.
if ! cmp -s "$here/package-lock.json" "$packages/installed"; then
  mkdir -p "$packages"
  rm -f "$packages/installed"
  cp "$here/package.json" "$here/package-lock.json" "$packages/"
  # Prism asks for a newer Node than it needs, which is a warning; no package has a say at its installation.
  npm ci --prefix "$packages" --ignore-scripts --no-audit --no-fund --loglevel=error
  cp "$here/package-lock.json" "$packages/installed"
fi
description=$packages/node_modules/@octokit/openapi/generated/api.github.com.json

# A port that is free now; whoever takes it before the mock does makes the mock end, and this script with it.
port=$(node -e 'const s = require("net").createServer(); s.listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
# Without `--errors`, which would refuse requests for what is wrong with GitHub's own examples; what is wrong with a
# request is told in a header.
node "$packages/node_modules/@stoplight/prism-cli/dist/index.js" mock -h 127.0.0.1 -p "$port" "$description" \
  >"$scratch/mock" 2>&1 </dev/null &
pid=$!

# The test is built while the mock reads.
test=(cargo test -p repoplane-providers --locked --test providers)
"${test[@]}" --no-run

until=$((SECONDS + patience))
until grep -q 'Prism is listening' "$scratch/mock"; do
  kill -0 "$pid" 2>/dev/null || fail 'the mock ended'
  ((SECONDS < until)) || fail 'the mock does not answer'
  sleep 0.2
done

export REPOPLANE_GITHUB_MOCK=127.0.0.1:$port
export REPOPLANE_GITHUB_DESCRIPTION=$description
"${test[@]}" -- --nocapture openapi:: | tee "$scratch/test"
# A test that was renamed, or did nothing, must not pass for one that passed.
grep -q '^[0-9]* requests of [0-9]* kinds, 0 violations$' "$scratch/test" || fail 'nothing was asked'
