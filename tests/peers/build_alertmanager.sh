#!/usr/bin/env bash
# Build the Prometheus project's Alertmanager; print the path of the binary. Fails with one line on standard error that
# says why it cannot be had here: no Go, no module source.
set -euo pipefail
VERSION=v0.28.1
found=$(command -v alertmanager || command -v prometheus-alertmanager || true)
[ -z "$found" ] || { echo "$found"; exit 0; }
go=$(command -v go || true)
[ -n "$go" ] || { echo "no Alertmanager: there is no Go compiler on this machine" >&2; exit 1; }
work=$(mktemp -d)
GOBIN="$work" GOFLAGS=-mod=mod GOTOOLCHAIN=${GOTOOLCHAIN:-auto} timeout 900 \
  "$go" install "github.com/prometheus/alertmanager/cmd/alertmanager@$VERSION" >"$work/build.log" 2>&1 || {
    echo "no Alertmanager: $(tail -1 "$work/build.log")" >&2; exit 1; }
echo "$work/alertmanager"
