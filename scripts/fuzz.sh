#!/usr/bin/env bash
# Runs every fuzz target for the given time each.
set -euo pipefail
each=$1
grep -rlE '^func Fuzz' --include='*_test.go' . | while read -r file; do
  dir=$(dirname "$file")
  grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | sed 's/func //' | while read -r target; do
    echo "fuzz $dir $target $each"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$each" "$dir" >/tmp/fuzz.$$ 2>&1 || { cat /tmp/fuzz.$$; exit 1; }
    rm -f /tmp/fuzz.$$
  done
done
