# `make demo` and `make test` need Python 3.11 or newer and make; everything else they install into .venv.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check regen flags models bench lab

help:  ## Show this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

.venv/.ready: requirements.lock pyproject.toml
	@echo "setting up .venv (once)" >&2
	@$(PYTHON) -c 'import sys; sys.exit("recipegen needs Python 3.11 or newer: make PYTHON=python3.12 …" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

DEMO := qwen-0.6b --variant disagg
demo: .venv/.ready  ## Render the quickstart recipe and run its graph here; no cluster, no Helm, no GPU
	@mkdir -p build/demo
	@echo "recipes/qwen-0.6b.yaml, a recipe of $$(wc -l < recipes/qwen-0.6b.yaml) lines, becomes these Helm releases, in this order:"
	@echo
	@$(BIN)/recipegen render $(DEMO) > build/demo/qwen-0.6b.yaml
	@$(BIN)/recipegen check $(DEMO)
	@echo
	@echo "and this graph, run here with Dynamo's own frontend and router, and its mocker for the engines:"
	@echo
	@$(BIN)/recipegen simulate $(DEMO) --port 0 || { [ $$? -eq 4 ] && \
	  echo "the graph was rendered but not run: the line above says what is in the way"; }
	@echo
	@echo "the whole document: build/demo/qwen-0.6b.yaml ($$(wc -l < build/demo/qwen-0.6b.yaml) lines)"
	@echo "apply it, with helmfile, Helm and a cluster: set -o pipefail; $(BIN)/recipegen render $(DEMO) | helmfile -f - apply"
	@echo "ask the graph yourself: $(BIN)/recipegen simulate $(DEMO) --keep"
	@echo "see where each value comes from: $(BIN)/recipegen show $(DEMO) --origin"

test: .venv/.ready  ## Run all tests; builds the lab's tools first where it can (about 20 minutes, once)
	@tests/lab/build.sh || { [ -z "$$RECIPEGEN_LAB_REQUIRED" ] && echo "skipped, for want of those tools:" \
	 "the tests against real Helm, helmfile and API server (tests/lab); all others run" >&2; }
	@$(BIN)/python -m pytest

lab: .venv/.ready  ## Run the tests against real Helm, helmfile and API server, and nothing else
	@tests/lab/build.sh
	@RECIPEGEN_LAB_REQUIRED=1 $(BIN)/python -m pytest tests/lab

check: .venv/.ready  ## Lint and type-check everything
	@$(BIN)/ruff format --check --quiet . || { echo "run: ruff format ." >&2; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/yamllint --strict .
	@$(BIN)/python -m pytest -q tests/charts/test_lint.py

regen: .venv/.ready  ## Write golden files, schemas and the output in docs anew; review the diff
	@$(BIN)/python -m pytest -q --regen tests/test_generated.py tests/test_golden.py tests/test_invalid.py \
	 tests/test_docs.py tests/test_doctor.py tests/test_rule_table.py tests/test_neighbours.py tests/test_new.py \
	 tests/importers/test_import.py

bench: .venv/.ready  ## Print the speed figures, as ratios within one run
	@$(BIN)/python tests/bench.py

models: .venv/.ready  ## Write the facts of models anew from their published configurations
	@$(BIN)/python -m tools.models

flags: .venv/.ready  ## Write the tables of engine options anew from the published packages; reads 300 MB once
	@$(BIN)/python -m tools.flags
