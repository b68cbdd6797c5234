#!/usr/bin/env bash
# Run the vSphere contract tests against a third-party simulator: run_vsphere_tests.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-.venv/bin/python}
work=$(mktemp -d)
trap 'kill "$peer" 2>/dev/null || true; rm -rf "$work"' EXIT
"$python" -P -c "
import sys
from pathlib import Path
from toban.simulator import certificates
certificates.issue(Path(sys.argv[1]), frozenset({'127.0.0.1', 'localhost'}))" "$work"
"$1" -listen 127.0.0.1:0 -cert "$work/server.pem" >"$work/address" &
peer=$!
for _ in $(seq 100); do [ -s "$work/address" ] && break; sleep 0.1; done
address=$(head -1 "$work/address")
[ -n "$address" ] || { echo "the third-party simulator did not start" >&2; exit 1; }
TOBAN_TEST_VCENTER="https://toban%40vsphere.local:duty-officer@$address/sdk" TOBAN_TEST_CA="$work/ca.pem" \
  "$python" -m pytest -q -rs tests/contracts/test_vsphere_contract.py tests/contracts/test_vsphere_acting_contract.py
