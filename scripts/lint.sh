#!/usr/bin/env bash
# Runs golangci-lint at the pinned version, installing it first where it is missing.
set -euo pipefail
version=v2.15.0
bin=$(go env GOPATH)/bin/golangci-lint
if [[ "$("$bin" version 2>/dev/null)" != *"${version#v}"* ]]; then
  echo "installing golangci-lint $version"
  CGO_ENABLED=0 go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version"
fi
"$bin" run ./...
