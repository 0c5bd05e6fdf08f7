#!/usr/bin/env bash
# Runs every fuzz target below the given folders, each for a time or a number of inputs: scripts/fuzz.sh 300x incident
set -euo pipefail
each=$1
shift
out=$(mktemp)
trap 'rm -f "$out"' EXIT
grep -rlE '^func Fuzz' --include='*_test.go' "${@:-.}" | while read -r file; do
  dir=./$(dirname "$file")
  grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | sed 's/func //' | while read -r target; do
    echo "fuzz $dir $target $each"
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$each" "$dir" >"$out" 2>&1 || { cat "$out"; exit 1; }
  done
done
