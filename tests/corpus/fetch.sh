#!/usr/bin/env bash
# Fetches GitHub's example payloads, the npm package @octokit/webhooks-examples, for tests/tests/system/corpus.rs.
# Pinned by version and by the hash of its tarball. What is there and whole is not fetched again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

version=7.6.1
sha256=89e6cb1c6345d32e3dd775617fa54effbdc26c859e514898d7728e95e9738280
folder=target/webhook-examples
tarball=$folder/octokit-webhooks-examples-$version.tgz

is_whole() {
  [[ -f $tarball ]] && sha256sum --check --status <<<"$sha256  $tarball"
}

mkdir -p "$folder"
if ! is_whole; then
  rm -f "$tarball"
  # Packing a published version downloads it and runs nothing of it.
  npm pack --silent --ignore-scripts --pack-destination "$folder" "@octokit/webhooks-examples@$version" >/dev/null
  is_whole || {
    printf '%s is not the pinned one: %s\n' "$tarball" "$(sha256sum "$tarball")" >&2
    exit 1
  }
  rm -rf "$folder/package"
fi
if [[ ! -f $folder/package/api.github.com/index.json ]]; then
  # Beside its place first, so that a try that was broken off leaves nothing that looks whole.
  rm -rf "$folder/unpacked"
  mkdir "$folder/unpacked"
  tar -xzf "$tarball" -C "$folder/unpacked" package/package.json package/api.github.com/index.json
  rm -rf "$folder/package"
  mv "$folder/unpacked/package" "$folder/package"
  rmdir "$folder/unpacked"
fi
printf '%s: %s\n' "$folder/package" "$version"
