# The ways into this repository. `make up` and `make test` need Python 3.11 or newer, and nothing else.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
DATA := $(or $(VQ_DATA_DIR),.vq)
# One more than there are processors: tests wait for servers and processes for a third of their time.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
PYTEST_ARGS ?=
BENCH_ARGS ?=
CACHES := .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build *.egg-info

# The first Python that is new enough; PYTHON=… names one.
ifdef PYTHON
CANDIDATES := $(PYTHON)
else
CANDIDATES := python3 python3.13 python3.12 python3.11 python
endif
NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

.DEFAULT_GOAL := help
.PHONY: help up install test test-python contract lint types schema check bench lock clean reset

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/.runtime ## install what is needed, start everything here, print where it is
	@exec $(BIN)/vq up

install: $(VENV)/.dev ## create the virtual environment with everything in it

test: test-python contract ## run every test, on servers of its own

test-python: $(VENV)/.dev
	@$(BIN)/python .ci/tests.py -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

contract: $(VENV)/.dev ## check the front-end contract with its real clients (needs Node)
	@if [ ! -f frontend-contract/package.json ]; then \
	    echo "There is no frontend-contract here."; \
	elif ! command -v npm >/dev/null; then \
	    echo "The front-end contract is checked with Node, which is not installed: skipped."; \
	else \
	    npm --prefix frontend-contract ci --no-audit --no-fund --loglevel=error && \
	    npm --prefix frontend-contract run --silent check && \
	    VQ_GET_QUERIES=true $(BIN)/python .ci/with_server.py npm --prefix frontend-contract run --silent test; \
	fi

lint: $(VENV)/.dev ## style, format and the rules of who may import whom
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports

types: $(VENV)/.dev ## mypy --strict
	@$(BIN)/mypy

schema: $(VENV)/.dev ## write schema.graphql
	@$(BIN)/vq schema

check: $(VENV)/.dev ## what must not drift: schema.graphql, its promises to released clients, models against migrations
	@$(BIN)/vq schema --check
	@$(BIN)/vq schema --against frontend-contract/released.graphql
	@$(BIN)/pytest -q tests/commands/test_drift.py

bench: $(VENV)/.dev ## measure, write docs/benchmarks.md (BENCH_ARGS=--quick, --scale=short, --soak, …)
	@$(BIN)/python -m bench --write-docs $(BENCH_ARGS)

lock: $(VENV)/.dev ## resolve pyproject.toml into the two lock files
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-annotate --no-header pyproject.toml --group build -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-annotate --no-header pyproject.toml --group build --group dev \
	    -c requirements.lock -o requirements-dev.lock

clean: ## remove the virtual environment and caches; data stay
	@rm -rf $(VENV) $(CACHES) frontend-contract/node_modules
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

reset: $(VENV)/.runtime ## remove the data of `make up` for good
	@$(BIN)/python .ci/reset.py "$(DATA)"

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/pip
	@$(call install,requirements.lock)
	@touch $@

# Has everything the other has, in the same versions.
$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(BIN)/pip
	@$(call install,requirements-dev.lock)
	@touch $@ $(VENV)/.runtime

$(BIN)/pip:
	@for candidate in $(CANDIDATES); do \
	    if "$$candidate" -c '$(NEW_ENOUGH)' 2>/dev/null; then \
	        echo "Creating $(VENV) with $$("$$candidate" --version 2>&1) …"; \
	        exec "$$candidate" -m venv --clear $(VENV); \
	    fi; \
	done; \
	echo "No Python 3.11 or newer with its venv module was found (looked for: $(CANDIDATES))." >&2; \
	echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name it: make up PYTHON=/path/to/python3.12" >&2; \
	exit 1

# Quiet, with what pip said kept for when it fails. What is never imported need not be compiled.
define install
echo "Installing the packages of $(1) …"; \
if ! { $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-compile --only-binary :all: --require-hashes -r $(1) \
    && $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation -e .; \
    } >$(VENV)/install.log 2>&1; then \
    tail -n 20 $(VENV)/install.log >&2; \
    echo "Installing failed; all of it is in $(VENV)/install.log." >&2; \
    exit 1; \
fi
endef
