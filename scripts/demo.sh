#!/usr/bin/env bash
# `npm run demo`: the life of a function, from a zip to its removal, against a running server (`npm start`).
# GLAMBDAR_URL says where that server is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

url=${GLAMBDAR_URL:-http://127.0.0.1:8000}
url=${url%/}
name=hello-demo # a name of its own, so that a "hello" of yours stays untouched

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

stop() {
  printf '\ndemo: %s\n' "$*" >&2
  exit 1
}

# step TEXT: says what comes next.
step() { printf '\n%s\n' "$*"; }

# call ARGUMENTS…: shows the curl command, runs it, shows the answer, and stops the demo if that is an error.
call() {
  local argument shown=curl status
  for argument in "$@"; do
    if [[ $argument == *[!A-Za-z0-9@%+=:,./_-]* ]]; then argument="'$argument'"; fi
    shown+=" $argument"
  done
  printf '$ %s\n' "$shown"
  status=$(curl --silent --show-error --output "$folder/answer" --write-out '%{http_code}' "$@") ||
    stop "no answer from $url."
  cat "$folder/answer"
  printf '\n'
  if ((status >= 400)); then stop "the server answered $status."; fi
}

command -v curl > /dev/null || stop 'this demo needs curl (apt-get install curl).'
curl --silent --output /dev/null --max-time 5 "$url/healthz" ||
  stop "no server answers at $url. Start one with \`npm start\`, or say where it is: GLAMBDAR_URL=http://host:port npm run demo"

step '1. Zip the folder of a function.'
printf '$ %s\n' "node scripts/zip.mjs examples/hello $folder/$name.zip"
node scripts/zip.mjs examples/hello "$folder/$name.zip"

step '2. Deploy it. The name of the file becomes the name of the function.'
call -F "file=@$folder/$name.zip" "$url/deploy"

step '3. Invoke it.'
call "$url/invoke/$name" -d '{"name":"Ada"}'
call "$url/invoke/$name?name=Grace"

step '4. What the server knows about its functions.'
call "$url/info"

step '5. The latest calls, with what the function printed.'
call "$url/logs/$name?limit=2"

step '6. Remove it.'
call -X DELETE "$url/del/$name"

printf '\ndemo: done.\n'
