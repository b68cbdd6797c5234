# make demo | test | check | docs | e2e | bench | soak | fuzz. Needs Python >= 3.11, a C compiler and make; everything else is fetched.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
FUZZ_SECONDS ?= 600

.PHONY: demo test check docs e2e bench soak fuzz lock clean help

help:
	@sed -n '1p' Makefile

$(VENV)/ready: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

demo: $(VENV)/ready          ## both stories of the first night, over real wires
	$(BIN)/toban demo

test: $(VENV)/ready          ## everything but the whole-process batteries
	$(BIN)/pytest -m "not e2e and not soak"

check: $(VENV)/ready         ## style, types, import contract, shipped policies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/toban policy check policies
	$(BIN)/toban policy test policies --coverage
	$(BIN)/toban policy check docs/examples --strict
	$(BIN)/toban policy test docs/examples

docs: $(VENV)/ready          ## the policy reference, from models, actions, catalogue and examples
	$(BIN)/toban policy reference --out docs/policy-reference.md

e2e: $(VENV)/ready           ## whole processes: stories, refused stories, kill -9
	$(BIN)/pytest -m "e2e and not soak"

soak: $(VENV)/ready          ## whole batteries: kill -9 at every record of every policy, pairs of kills, storms
	$(BIN)/pytest -m soak

fuzz: $(VENV)/ready          ## ten minutes of coverage-guided fuzzing of the trap decoder; FUZZ_SECONDS=60 for one
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	$(BIN)/python -m tests.fuzz.seeds .fuzz/corpus
	$(BIN)/python -m tests.fuzz.snmp -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -artifact_prefix=.fuzz/ .fuzz/corpus

bench: $(VENV)/ready         ## traps, rule matching, datagram to decision, as JSON
	$(BIN)/python -m benchmarks

lock: $(VENV)/ready          ## pin and hash again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra dev pyproject.toml -o requirements/dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  pyproject.toml -o requirements/runtime.txt
	printf '%s\n' "atheris==3.0.0; python_version < '3.12'" "atheris>=3.1,<4; python_version >= '3.12'" | uv pip compile --quiet \
	  --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header - -o requirements/fuzz.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .fuzz
