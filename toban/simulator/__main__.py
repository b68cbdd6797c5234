"""`python -m toban.simulator --estate F --state D`."""

import argparse
import sys
from pathlib import Path

from toban.simulator import process

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="toban.simulator", description="A datacenter to rehearse against.")
    parser.add_argument("--estate", type=Path, required=True, help="estate.yaml with a simulation block")
    parser.add_argument("--state", type=Path, required=True, help="folder for certificates, ledger, control socket")
    given = parser.parse_args()
    sys.exit(process.serve(given.estate, given.state))
