# étude: everything runs in .venv, made from requirements.lock. `make help` lists the targets.
PYTHON ?= python3
PROFILE ?= quick
JOBS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help study test test-slurm smoke site lab bench lint clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 10

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "étude needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the packages of requirements.lock into $(VENV) (a few minutes, once) ..."
	@$(BIN)/python -m pip install --quiet -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

study: $(READY)  ## run all notebooks (PROFILE=quick|smoke|full) and build their site
	@$(BIN)/etude run --profile $(PROFILE) $(if $(JOBS),--jobs $(JOBS))
	@$(BIN)/etude site --name $(PROFILE)

test: $(READY)  ## run the tests
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q

test-slurm: $(READY)  ## run a sweep on a Slurm of two nodes made here (root on Debian; installs slurm-wlm, munge)
	@.ci/slurm $(BIN)/python

smoke: $(READY)  ## run every chapter with the least work, in a clean copy of what git tracks
	@.ci/smoke $(BIN)/python

lint: $(READY)  ## check style and formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

site: $(READY)  ## build the book of the committed notebooks under reports/site
	@$(BIN)/etude site

lab: $(READY)  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab notebooks

bench: $(READY)  ## measure speed and memory, printed as ratios
	@failed=; for script in benchmarks/*.py; do echo; echo "== $$script"; $(BIN)/python $$script || failed="$$failed $$script"; done; \
	if [ -n "$$failed" ]; then echo; echo "failed:$$failed"; exit 1; fi

clean:  ## remove runs, site and caches (the environment and the fits stay)
	rm -rf reports/runs reports/site data/cache .pytest_cache .ruff_cache .hypothesis
