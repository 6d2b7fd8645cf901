# Everything a newcomer needs. Python >= 3.11, make and the package indexes are enough.
PYTHON ?= python3
# Some tests mostly wait (for a lease, for a page): one process more than a small machine has cores.
PROCESSES ?= 3
# One part of the bench alone: make bench PART=callback, PART=reminders or PART=listing.
PART ?=
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
# A machine's own uv serves; else one from PyPI stands in .venv. Node always comes from PyPI.
UV_HERE := $(shell command -v uv 2>/dev/null)
UV := $(or $(UV_HERE),$(BIN)/uv)
# Compiled at once: a process starts in a second even where Python may not write beside its sources.
INSTALL := $(UV) pip install --quiet --compile-bytecode --python $(BIN)/python
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links pyproject.toml

# Where the machine has a store of certificates, it is trusted before those that uv and Node bring: an office's
# proxy may put its own in.
ifneq ($(wildcard /etc/ssl/certs/*),)
export UV_SYSTEM_CERTS ?= 1
export NODE_USE_SYSTEM_CA ?= 1
endif
export PATH := $(CURDIR)/$(BIN):$(PATH)

# The scripts in a .venv name the place it was made at; a tree that was moved or copied makes its own.
ifneq ($(shell cat $(VENV)/.here 2>/dev/null),$(CURDIR))
.PHONY: $(VENV)/.here
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo story test check format bench faults locks clean

help: ## what can be done here
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(VENV)/.here:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one, as in: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv --clear $(if $(UV_HERE),--without-pip) $(VENV) || \
		{ echo "python3 -m venv does not work here (Debian: apt-get install python3-venv)"; exit 1; }
	$(if $(UV_HERE),,$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION))
	@printf '%s' "$(CURDIR)" > $@

$(VENV)/.runtime: $(VENV)/.here requirements.lock pyproject.toml package-lock.json
	$(INSTALL) --require-hashes --requirement requirements.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q wx_backend handlers models scheduler
	npm ci --omit=dev --ignore-scripts --silent
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.lock
	$(INSTALL) --require-hashes --requirement requirements-dev.lock
	npm ci --ignore-scripts --silent
	@touch $@

setup: $(VENV)/.dev ## install what running and testing need

demo: $(VENV)/.runtime ## the whole product on this machine: phones at http://127.0.0.1:8001
	@$(BIN)/wx-backend demo

story: $(VENV)/.runtime ## play the main story through real HTTP and print the conversation
	@$(BIN)/wx-backend story

test: $(VENV)/.dev ## all tests; what needs a missing server is skipped with its reason
	$(BIN)/python -m pytest -q -n $(PROCESSES) --dist worksteal -m "not long"

# What two people see of each other is timed, and wants the machine to itself.
faults: $(VENV)/.dev ## the whole fault tests with their figures (twenty minutes; FAULTS_SIZE=0.1 for a tenth)
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m long tests/faults
	$(BIN)/python -m pytest -q -m long tests --ignore tests/faults

check: $(VENV)/.dev ## format, lint, types, contracts
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev ## put the code into one format
	$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format --quiet .

bench: $(VENV)/.dev ## ratios against named peers in one run (needs PostgreSQL, Redis and wrk)
	$(BIN)/python -m tests.bench $(PART)

locks: $(VENV)/.here ## resolve the lock files anew, after a change in pyproject.toml or package.json
	$(COMPILE) --group build --output-file requirements.lock
	$(COMPILE) --group build --group dev --constraint requirements.lock --output-file requirements-dev.lock
	npm install --package-lock-only --ignore-scripts --silent

clean: ## remove what was installed and made here; the demo's data too
	rm -rf $(VENV) node_modules var
