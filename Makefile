SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
DIR ?= demo/staging
EXAMPLES ?= 5000
FUZZERS = $(shell grep -rl '^from hypothesis import' tests --include='test_*.py')
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help venv engine base images tools demo demo-remove format check check-format check-lint check-types check-imports \
	check-dependencies test test-fast test-slow fuzz bench bench-quick lock screenshots wheel clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(STAMP)  ## create .venv and install the project into it

$(STAMP): requirements.txt pyproject.toml scripts/venv.sh
	@PYTHON=$(PYTHON) scripts/venv.sh
	@touch $@

engine:  ## make a Docker engine answer
	@scripts/engine.sh

base: engine  ## provide the image that all our Dockerfiles start from
	@scripts/base-image.sh

images: venv base  ## build the images of the sample target that tests start from
	@echo "images: building what is missing of the sample target"; $(BIN)/python -m tests.real.images

tools:  ## provide the programs of Debian that tests run
	@scripts/tools.sh

demo: venv base  ## prepare a sample target in DIR and open the plan on it
	@scripts/demo.sh $(DIR)

demo-remove: venv  ## stop the sample target in DIR, with its volumes, and delete the folder
	@$(BIN)/runbook demo $(DIR) --remove

format: venv  ## put the source in its one format
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

check: check-format check-lint check-types check-imports check-dependencies check-tests  ## the gate; 'make -k check' goes on after a failure

check-format: venv
	@$(BIN)/ruff format --check --quiet || { echo "not in the format; run 'make format'"; exit 1; }

check-lint: venv
	$(BIN)/ruff check

check-tests: venv
	@found=$$($(BIN)/python -m pytest --collect-only -qq -p no:syrupy 2>&1) || { echo "$$found" | grep -Ev '::|: [0-9]+$$'; exit 1; }

check-types: venv
	$(BIN)/mypy

check-imports: venv
	$(BIN)/lint-imports --no-logo

check-dependencies: venv
	$(BIN)/deptry .

test: images tools  ## the gate, and the whole suite but the slow tests on a real stack
	@scripts/test-groups.sh check unit kill real

test-fast: venv tools  ## the tests that need no Docker engine
	@scripts/test-groups.sh unit

fuzz: venv  ## try examples of chance in all property tests; hostile input that breaks is kept in tests/corpus (EXAMPLES each)
	FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest --timeout=0 $(FUZZERS)

test-slow: images tools  ## the tests that are too slow for every change
	@scripts/test-groups.sh slow

bench: venv  ## measure everything beside limits and peers, into docs/performance.md (options in BENCH)
	$(BIN)/python -m bench $(BENCH)

bench-quick: venv  ## the same at small sizes
	$(BIN)/python -m bench --quick $(BENCH)

lock: venv  ## lock the dependencies anew, each with its hashes
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe \
		--no-strip-extras --extra dev --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--no-emit-options --output-file requirements.txt pyproject.toml

screenshots: venv  ## draw the pictures of docs/tour.md anew, from a session that is run for them
	$(BIN)/python -m pictures

wheel: venv  ## build the distribution into dist/
	$(BIN)/python -m build --no-isolation

clean:  ## remove what the targets above made here; images and the engine stay
	rm -rf .venv build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find runbook_app actions bench pictures plans tests examples scripts -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
