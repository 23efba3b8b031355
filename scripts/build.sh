#!/usr/bin/env bash
# Compiles src/ and worker/ into dist/.
#
#   scripts/build.sh           builds, always
#   scripts/build.sh --check   builds nothing; succeeds when dist/ was made from exactly these sources
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stamp=dist/.sources

# By content, not by time: a checkout of an older commit gets files that look newer than they are, and a deleted
# file leaves no time behind at all.
sources_digest() {
  find src worker tsconfig.json tsconfig.build.json package.json package-lock.json -type f -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
}

digest=$(sources_digest)
if [[ ${1:-} == --check ]]; then
  [[ -r $stamp && $(< "$stamp") == "$digest" && -r dist/src/main.js ]]
  exit
fi

# The stamp goes first and comes back last, so what an interrupted or failed build leaves is never taken for whole.
rm -f "$stamp"
# A server may be running from dist/, which loads some of its files later: they stay until the new ones are whole, and then
# two renames bring these. The folder lies beside dist/, because source maps name sources relative to it.
fresh=dist.new
rm -rf "$fresh"
trap 'rm -rf "$fresh"' EXIT
node node_modules/typescript/bin/tsc -p tsconfig.build.json --outDir "$fresh"
mkdir -p dist "$fresh/old"
for part in src worker; do
  if [[ -e dist/$part ]]; then mv "dist/$part" "$fresh/old/$part"; fi
  mv "$fresh/$part" "dist/$part"
done
printf '%s\n' "$digest" > "$stamp"
