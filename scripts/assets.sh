#!/usr/bin/env bash
# Fetches the console's third-party scripts by the npm lock file into the folder that is embedded.
set -euo pipefail
out=$1
here=$(cd "$(dirname "$0")" && pwd)
echo "fetching the console's scripts by the npm lock file"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/assets/package.json "$here"/assets/package-lock.json "$work"
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null)
mkdir -p "$out"
cp "$work"/node_modules/htmx.org/dist/htmx.min.js "$work"/node_modules/htmx-ext-sse/sse.js "$out"
touch "$out/.made"
