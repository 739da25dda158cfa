# Athena. `make help` lists the targets; `make demo` and `make test` are all a newcomer needs.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install demo test prove-interface check policies bench bench-import bench-link bench-search clean

UV_VERSION := 0.9.7
OPA_VERSION := 1.20.2
TOOLS := $(CURDIR)/.tools
STAMP := .venv/.installed
RUN := .venv/bin
WORKERS ?= 2
SOURCES := platform tenants policies records sharing governance
export UV_PYTHON_DOWNLOADS := never
export PATH := $(TOOLS)/bin:$(PATH)

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-18s %s\n", $$1, $$2}'

install: $(STAMP) ## Create the environment from the lock file

$(STAMP): pyproject.toml uv.lock
	@set -euo pipefail; \
	python=""; \
	for name in python3.13 python3.12 python3.11 python3 python; do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$("$$name" -c 'import sys; print(sys.executable)'); break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "Athena needs Python 3.11 or newer on PATH."; exit 1; fi; \
	uv=$$(command -v uv || true); \
	if [ -z "$$uv" ]; then \
	  if [ ! -x "$(TOOLS)/uv/bin/uv" ]; then \
	    echo "Installing uv into .tools"; \
	    "$$python" -m venv "$(TOOLS)/uv" && "$(TOOLS)/uv/bin/pip" install --quiet --disable-pip-version-check "uv>=$(UV_VERSION)"; \
	  fi; \
	  uv="$(TOOLS)/uv/bin/uv"; \
	fi; \
	echo "Installing the locked environment"; \
	"$$uv" sync --frozen --quiet --compile-bytecode --python "$$python"
	@$(RUN)/python -m athena.sharing.search.warming # compiles the loops of a search
	@touch $@

demo: install ## Start everything with made-up data and serve it (Ctrl-C stops it)
	@exec $(RUN)/athena demo

test: install ## Run every test that this machine can run
	@$(RUN)/python -m compileall -q $(SOURCES) # many tests start processes, which import all of it
	@$(RUN)/python -m athena.sharing.search.warming # compiles the loops of a search, if they changed
	$(RUN)/pytest -n $(WORKERS) --dist loadfile

prove-interface: install ## Draw 5,000 calls from what the interfaces describe (some minutes)
	ATHENA_INTERFACE_CASES=5000 $(RUN)/pytest -n0 -s tests/integration/test_described_interface.py

check: install ## Format, lint, types, import contracts, policy rules
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	@if command -v opa >/dev/null; then \
	  set -e; opa fmt --fail policies/rego >/dev/null; opa check --strict policies/rego; opa test policies/rego; \
	elif [ "$${CI:-}" = "true" ]; then echo "CI needs OPA on PATH."; exit 1; \
	else echo "OPA isn't on PATH: the policy rules weren't checked (make policies installs it)."; fi
	@if command -v regal >/dev/null; then regal lint policies/rego; else echo "regal isn't on PATH: not run."; fi

policies: install $(TOOLS)/bin/opa ## Rebuild the policy bundle with the pinned OPA
	$(RUN)/python policies/build_bundle.py

$(TOOLS)/bin/opa:
	@if opa version 2>/dev/null | grep -q "Version: $(OPA_VERSION)$$"; then mkdir -p $(TOOLS)/bin; ln -sf "$$(command -v opa)" $@; \
	else GOBIN=$(TOOLS)/bin go install github.com/open-policy-agent/opa@v$(OPA_VERSION); fi

bench: install ## Measure search, decisions, person checks, and what row-level security costs
	$(RUN)/athena bench search --nominals 100000 --no-peer
	$(RUN)/athena bench decisions
	$(RUN)/athena bench walls
	$(RUN)/athena bench checks

bench-import: install ## Measure imports: rate, memory, searches beside them, and kills
	$(RUN)/athena bench import

bench-link: install ## Measure linking on FEBRL 4, Splink beside it (about a minute)
	$(RUN)/athena bench link

bench-search: install ## Measure search on ten million nominals beside its peers (about an hour)
	@uv=$$(command -v uv || echo $(TOOLS)/uv/bin/uv); "$$uv" sync --frozen --quiet --group bench
	$(RUN)/athena bench search --nominals 10000000 --keep /var/tmp/athena-bench --out bench-search.json

clean: ## Remove the environment and caches; data directories stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
