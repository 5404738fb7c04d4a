# Hongyan: every everyday command. Each sets up what it needs first; nothing outside this folder is changed.

PYTHON ?= python3
HONGYAN := .venv/bin/hongyan
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
SOURCES := src tests $(wildcard bench)

# Further environments of the tests, each made only where its list exists: real vendor SDKs, and other people's SMPP stacks.
SDK_LIST := $(wildcard tests/contract/sdk/requirements.txt)
PEERS_LIST := $(wildcard tests/conformance/peers/requirements.txt)
NODE_LOCK := $(wildcard tests/conformance/node/package-lock.json)
NODE_STAMP := $(if $(NODE_LOCK),tests/conformance/node/node_modules/.installed)
# The machine's own node is used where there is one, else the one that a wheel carries.
NODE_VENV := $(if $(NODE_LOCK),$(if $(shell command -v npm),,.venv-node/.installed))
TEST_SETUP := .venv/.dev $(if $(SDK_LIST),.venv-sdk/.installed) $(if $(PEERS_LIST),.venv-peers/.installed) $(NODE_STAMP)
export PATH := $(PATH):$(CURDIR)/.venv-node/bin

.DEFAULT_GOAL := help
.PHONY: help setup run demo test attack check format docs bench callbacks chaos versus failover lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/.dev  ## build .venv with everything needed to run, check and test

run: .venv/.run  ## serve, with an embedded database and a simulated carrier
	$(HONGYAN) serve

demo: .venv/.run $(if $(SDK_LIST),.venv-sdk/.installed)  ## serve and send one message of each kind with the real SDK; ONCE=1 ends afterwards
	ONCE=$(ONCE) $(HONGYAN) demo

test: check $(TEST_SETUP)  ## all checks and all tests
ifdef PYTEST_ARGS
	.venv/bin/python -m pytest $(PYTEST_ARGS)
else
	.venv/bin/python -m pytest -m "not alone" --numprocesses 2 --dist loadfile
	.venv/bin/python -m pytest -m alone
endif

attack: $(TEST_SETUP)  ## the doors under attack at length: 20,000 cases from the schemas, 10,000 malformed requests
	.venv/bin/python -m pytest tests/journeys -k attack --attack-cases 20000 --attack-requests 10000 $(PYTEST_ARGS)

check: .venv/.dev  ## style, types and layers
	.venv/bin/ruff check $(SOURCES)
	.venv/bin/ruff format --check $(SOURCES)
	.venv/bin/mypy
	.venv/bin/lint-imports

format: .venv/.dev  ## lay the code out and mend what can be mended without thought
	.venv/bin/ruff check --fix-only $(SOURCES)
	.venv/bin/ruff format $(SOURCES)

docs: .venv/.dev  ## write the generated pages of the documentation, and the client that blocks, anew
	.venv/bin/python -m hongyan.cli.pages .
	.venv/bin/ruff check -q --fix src/hongyan/client && .venv/bin/ruff format -q src/hongyan/client

bench: .venv/.run  ## start a platform, load it three ways and print one JSON object; BENCH_ARGS="--check --profile DIR ..."
	.venv/bin/python bench/run.py $(BENCH_ARGS)

versus: .venv/.run  ## measure beside other gateways that are installed, in turns; VERSUS_ARGS="--rounds 3 --require kannel ..."
	.venv/bin/python bench/versus.py $(VERSUS_ARGS)

callbacks: $(TEST_SETUP)  ## 50,000 events to servers that fail a third of the time, by dispatchers that die
	HONGYAN_CALLBACK_EVENTS=50000 .venv/bin/python -m pytest -q -s tests/conformance/test_callbacks_faults.py

chaos: $(TEST_SETUP)  ## kill every part under load, again and again, and compare what was promised; CHAOS_ARGS="--cycles 100 --seed 7 ..."
	.venv/bin/python tests/chaos/run.py $(CHAOS_ARGS)
failover: .venv/.run  ## lose the database's primary under load; FAILOVER_ARGS="--how kill --nodes 2 --binaries DIR ..."
	.venv/bin/python bench/failover.py $(FAILOVER_ARGS)

lock:  ## resolve requirements/*.txt anew (needs uv)
	cd requirements && uv pip compile $(LOCK_OPTIONS) ../pyproject.toml run.in -o run.txt
	cd requirements && uv pip compile $(LOCK_OPTIONS) ../pyproject.toml run.in dev.in -o dev.txt
	cd requirements && uv pip compile $(LOCK_OPTIONS) node.in -o node.txt
LOCK_OPTIONS := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade

clean:  ## remove what the other commands made here (data directories are elsewhere and stay)
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache tests/conformance/node/node_modules

# A stamp is written when its environment is whole, so that the second time costs nothing and an interrupted set-up is taken up again.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
		|| { echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.run: requirements/run.txt pyproject.toml | .venv/bin/python
	.venv/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/run.txt
	.venv/bin/python $(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.run
	.venv/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/dev.txt
	@touch $@

.venv-sdk/.installed: $(SDK_LIST)
	$(PYTHON) -m venv .venv-sdk
	.venv-sdk/bin/python $(PIP_INSTALL) --requirement $<
	@touch $@

.venv-peers/.installed: $(PEERS_LIST)
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python $(PIP_INSTALL) --requirement $<
	@touch $@

.venv-node/.installed: requirements/node.txt
	$(PYTHON) -m venv .venv-node
	.venv-node/bin/python $(PIP_INSTALL) --require-hashes --requirement requirements/node.txt
	@touch $@

tests/conformance/node/node_modules/.installed: $(NODE_LOCK) $(NODE_VENV)
	npm ci --prefix tests/conformance/node --no-audit --no-fund --loglevel error
	@touch $@
