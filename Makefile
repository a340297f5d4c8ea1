# `make lab` and `make test` do everything on a machine with Python >= 3.11, pip and make.
# The first run installs into .venv; later runs find it ready.

PYTHONS ?= python3 python3.14 python3.13 python3.12 python3.11
JOBS ?= 2
BIN := .venv/bin
READY := .venv/ready

export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help lab test lint release bench clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

lab: $(READY) ## open the course in JupyterLab
	@$(BIN)/attncourse lab

# One thread each: two OpenMP threads on a busy machine are slower and change the last digits.
test bench: export OMP_NUM_THREADS = 1

test: lint ## lint, then run every test, proof and notebook
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

lint: $(READY) ## check style, formatting, types and spelling
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/codespell

release: $(READY) ## regenerate notebooks/ and the student archive from solutions/
	$(BIN)/attncourse release

bench: $(READY) ## measure the mechanisms against the forms that people use
	$(BIN)/python -m benchmarks

clean: ## remove the environment and everything that the commands made
	rm -rf .venv build dist runs *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml
	@for python in $(PYTHONS); do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	    python=; \
	done; \
	test -n "$$python" || { \
	    echo "attncourse needs Python 3.11 or newer; none of these is: $(PYTHONS)." >&2; \
	    echo "Install one, or name it: make PYTHONS=/path/to/python3" >&2; \
	    exit 1; \
	}; \
	"$$python" -m venv .venv
	$(BIN)/python -m pip install --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
