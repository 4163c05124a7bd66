# Two commands do everything on a machine with Python 3.11 to 3.14, git and make:
#   make validate   environment, install, quick claims, report
#   make test       environment, install, lint, types, import contracts, tests, notebooks
# Both may be repeated; once the environment is there they start within seconds.

SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))
# The first that runs; make PYTHON=/path/to/python takes another.
PYTHON  ?= $(shell for name in python3.11 python3.13 python3.12 python3.14 python3; do \
             $$name -c "$(SUPPORTED)" 2>/dev/null && echo $$name && break; done)
WORKERS ?= 0
RESULTS ?= results
REPORT  ?= report
TORCH   := torch==2.13.0
TORCH_CPU_INDEX := https://download.pytorch.org/whl/cpu

BIN   := .venv/bin
READY := .venv/.ready
# One folder for everything that Numba compiles, whoever asks for it.
export NUMBA_CACHE_DIR := $(CURDIR)/.cache/numba
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help env validate report test lint pytest notebooks test-full mutants compare soak bench clean

help:
	@grep -E '^#   ' Makefile | cut -c5-

env: $(READY)

# torch first, as the CPU build wherever it can be had: left to the resolver it would bring several GB of CUDA packages.
# The version of Python is looked at before anything is downloaded; what is left of a half-made environment is removed.
$(READY): pyproject.toml constraints.txt
	@python="$(PYTHON)"; test -x $(BIN)/pip \
	  || { test -n "$$python" && "$$python" -c "$(SUPPORTED)" && { "$$python" -m venv .venv || { rm -rf .venv; false; }; }; } \
	  || { echo "needs Python 3.11 to 3.14 with venv: make PYTHON=/path/to/python"; exit 1; }
	$(BIN)/python -c "import torch" 2>/dev/null \
	  || $(BIN)/pip install -q "$(TORCH)+cpu" -c constraints.txt 2>/dev/null \
	  || $(BIN)/pip install -q "$(TORCH)+cpu" -c constraints.txt --extra-index-url $(TORCH_CPU_INDEX) 2>/dev/null \
	  || $(BIN)/pip install -q "$(TORCH)" -c constraints.txt
	$(BIN)/pip install -q -e ".[test,dev]" -c constraints.txt
	@touch $@

validate: $(READY)
	@status=0; \
	$(BIN)/langevin-sgd claims run --tier quick --workers $(WORKERS) --results $(RESULTS) || status=$$?; \
	$(BIN)/langevin-sgd claims report --results $(RESULTS) --output $(REPORT) && exit $$status

report: $(READY)
	$(BIN)/langevin-sgd claims report --results $(RESULTS) --output $(REPORT)

test: lint pytest notebooks

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

pytest: $(READY)
	$(BIN)/pytest -m "not slow" --durations=10

notebooks: $(READY)
	$(BIN)/pytest --nbmake --nbmake-timeout=35 notebooks

test-full: $(READY)
	$(BIN)/pytest

# Wrong versions of the physics, seeded one at a time: which test notices each.
mutants: $(READY)
	$(BIN)/python tests/mutants/mutants.py

# A change of shape moves no number: all quick claims, and small cases of the rest, here and at the commit REF.
compare: $(READY)
	$(BIN)/python tests/compare/compare.py $(REF) --workers $(WORKERS)

# The statistical tests with fresh seeds: what may fail once in a thousand runs.
soak: $(READY)
	LANGEVIN_SGD_FRESH_SEEDS=1 $(BIN)/pytest -m "not slow"

# Peers that are not installed are skipped: .venv/bin/pip install -e ".[bench]" -c constraints.txt brings them all.
bench: $(READY)
	$(BIN)/pytest tests/benchmarks --benchmark-only -q -s

clean:
	rm -rf .venv .cache build results report
