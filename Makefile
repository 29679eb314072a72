# Two commands do everything on a fresh Debian machine with Python 3.11 or later: `make demo` and `make test`.
#
#   PYTHON          interpreter that makes .venv; the first of python3, python3.14 ... python3.11 that is new enough
#   PIP_TORCH_ARGS  more arguments for installing torch, such as the index of the CPU builds
#   PIP_ARGS        more arguments for installing everything else

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO := $(VENV)/.demo
WORKERS ?= 3

.PHONY: help install demo test test-slow attacks images check docs snapshots wheel constraints clean

help:
	@echo 'make demo       evolve a reward for ant, without a key: at most 12 minutes on two cores'
	@echo 'make test       the everyday tests'
	@echo 'make test-slow  the long tests'
	@echo 'make attacks    rewards that attack, against every wall that this machine has'
	@echo 'make images     build both container images, without a registry, and say how large they are'
	@echo 'make check      lint, types, imports, module sizes, documents'
	@echo 'make docs       bring the outputs that documents show up to date'
	@echo 'make snapshots  bring the stored prompts of the tests up to date'
	@echo 'make install    set up .venv and what the tests need; the others do it by themselves, the demo only what it needs'
	@echo 'make wheel      build dist/*.whl'

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt scripts/install.sh
	@scripts/install.sh $(VENV)
	@touch $@ $(DEMO)

$(DEMO): pyproject.toml constraints.txt scripts/install.sh
	@scripts/install.sh $(VENV) demo
	@touch $@

demo: $(DEMO)
	$(BIN)/rewardsmith evolve --env ant --iters 5 --budget quick

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) -m 'not slow'

test-slow: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) -m slow --timeout 3600

images: $(STAMP)
	$(BIN)/python scripts/docker_engine.py $(BIN)/python scripts/docker_images.py

attacks: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal tests/attacks

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_module_sizes.py
	$(BIN)/python scripts/check_docs.py

docs: $(STAMP)
	$(BIN)/python scripts/check_docs.py --write

snapshots: $(STAMP)
	$(BIN)/python -m tests.prompting.rendered

wheel: $(STAMP)
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

# Extras that .venv lacks (cluster, mlflow, wandb) are resolved, not installed.
constraints: $(STAMP)
	$(BIN)/python scripts/constraints.py
	$(BIN)/python scripts/worker_requirements.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .import_linter_cache
