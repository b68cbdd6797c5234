#!/usr/bin/env bash
# Build the third-party vSphere simulator; print the path of the binary. Fails with one line on standard error that says
# why it cannot be built here: no Go, no module source.
set -euo pipefail
VERSION=v0.55.0
here=$(cd "$(dirname "$0")" && pwd)
go=$(command -v go || true)
[ -n "$go" ] || { echo "no third-party vSphere simulator: there is no Go compiler on this machine" >&2; exit 1; }
work=$(mktemp -d)
cp "$here/govmomi/main.go" "$work/"
cd "$work"
export GOFLAGS=-mod=mod GOTOOLCHAIN=${GOTOOLCHAIN:-auto}
log="$work/build.log"
if [ -d /usr/share/gocode/src/github.com/vmware/govmomi ]; then
  GO111MODULE=off GOFLAGS= GOPATH=/usr/share/gocode go build -o vcsim main.go >"$log" 2>&1 || {
    echo "no third-party vSphere simulator: the packaged govmomi does not build: $(tail -1 "$log")" >&2; exit 1; }
else
  { go mod init peer && timeout 600 go get "github.com/vmware/govmomi@$VERSION" && go build -o vcsim main.go; } \
    >"$log" 2>&1 || { echo "no third-party vSphere simulator: $(tail -1 "$log")" >&2; exit 1; }
fi
echo "$work/vcsim"
