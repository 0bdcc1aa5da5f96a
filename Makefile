# Everything a person does here is one of these. A bare `make` explains them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export GATEHOUSE_PORT_BASE ?= 24100
export PYTHONPATH :=

UV_VERSION := 0.13.9
UV := .tools/uv/bin/uv
PY := .venv/bin/python
STACK := $(PY) -m gatehouse_stack
RUN := $(or $(GATEHOUSE_RUN),.run)
BENCHES := edge ingest rollout scale
PYTEST := $(PY) -m pytest -q --dist loadfile
UNITS := tests/unit tests/dags tests/test_import_names.py tests/test_plugin_scan.py
STACK_TESTS := tests/stack tests/unit/gatehouse_ingest/test_scripts.py

.PHONY: help setup up demo status logs down clean check lint types imports unit test test-full lambda \
        requirements docs

help: ## Explain the targets
	@echo "Gatehouse: roll out face-recognition cameras, and know how well they see."; echo
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F':.*?## ' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo "  make bench-NAME     Print figures beside their peers: $(BENCHES)"
	@echo; echo "  Ports derive from GATEHOUSE_PORT_BASE (now $(GATEHOUSE_PORT_BASE)); GATEHOUSE_FACES=DIR uses your own photos."

demo: setup ## Bring everything up, roll the sample company out, judge what was seen
	@$(STACK) demo $(DEMO_ARGS)

up: setup ## Start every part and write .run/env; UP_ARGS=--empty forgets the last run's state
	@$(STACK) up $(UP_ARGS)

status: setup ## Show how every part stands
	@$(STACK) status

logs: ## Follow the logs; PART=name for one part
	@tail -n 40 -F $(RUN)/logs/$(if $(PART),$(PART),*).log

down: ## Stop everything
	@if [ -x $(PY) ]; then $(STACK) down; else echo "Nothing is set up here."; fi

clean: down ## Stop everything and delete what was made
	@rm -rf $(RUN) .run build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

setup: .venv/.synced ## Install what uv.lock pins (done by the other targets)

$(UV):
	@command -v python3 >/dev/null || { echo "python3 is missing: apt-get install python3 python3-venv"; exit 1; }
	@echo "Installing uv $(UV_VERSION) into .tools …"
	@mkdir -p .tools
	@python3 -m venv .tools/uv >/dev/null 2>&1 && .tools/uv/bin/pip install -q "uv==$(UV_VERSION)" \
	  || { rm -rf .tools/uv; python3 -m pip install -q --target .tools/uv-lib "uv==$(UV_VERSION)" && mkdir -p .tools/uv/bin \
	  && ln -sf ../../uv-lib/bin/uv $(UV); } \
	  || { echo "uv could not be installed: apt-get install python3-venv, then run this again"; exit 1; }

.venv/.synced: uv.lock pyproject.toml | $(UV)
	@echo "Installing the locked packages …"
	@umask 022; $(UV) sync --frozen --python-preference only-system --quiet
	@touch $@

check: setup ## Lint, types, imports, unit tests (≤ 90 s)
	@$(MAKE) --no-print-directory -j2 lint imports types unit

lint: setup
	@$(PY) -m ruff check . && $(PY) -m ruff format --check .

types: setup
	@$(PY) -m mypy

imports: setup
	@.venv/bin/lint-imports --no-logo

unit: setup
	@$(PYTEST) $(UNITS) -n 2 -m "not full and not stack and not slow"

test: setup ## Units, contracts, one end-to-end run on the real stack, one case of each fault (CI)
	@$(PYTEST) tests/contract $(UNITS) -n 3 -m "not full and not stack"
	@$(PYTEST) $(STACK_TESTS) -m "not full"

test-full: setup ## Everything that must be shown (≤ 90 minutes)
	@$(PYTEST) tests/contract $(UNITS) -n 3 -m "not stack"
	@$(PYTEST) $(STACK_TESTS)

lambda: setup ## Build the ingest function's zip
	@GATEHOUSE_UV=$(CURDIR)/$(UV) $(PY) lambdas/ingest/build.py

requirements: $(UV) ## Export requirements.txt from uv.lock
	@$(UV) export --frozen --no-default-groups --group celery --no-emit-project --no-emit-index-url \
	  --quiet --output-file requirements.txt

bench-%: setup
	@if [ -f $(RUN)/env ]; then . $(RUN)/env; fi; $(PY) bench/$*.py

docs: setup ## Write docs/dags.md, local-cloud-coverage.md and scale.md from code and configuration
	@$(PY) -m gatehouse_stack.dag_docs && $(PY) -m gatehouse_local.core.coverage && $(PY) bench/scale.py --write >/dev/null
