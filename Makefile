# Everything runs in .venv, which is made when first needed; only python3 >= 3.11 and make are presumed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help demo test check format fuzz bench samples widget pictures clean
.DEFAULT_GOAL := help

help:
	@echo "make demo     the whole job on the bundled captures, into podfence-demo/"
	@echo "make test     all tests (those that need root and nft skip without them)"
	@echo "make check    lint, types and the import law"
	@echo "make format   format the code"
	@echo "make fuzz     broken captures for FOR seconds (60)"
	@echo "make bench    captures against other programs (says which are missing)"
	@echo "make samples  record sample_captures/ again (needs root, ip, nft, tshark)"
	@echo "make widget   build the review widget's bundle again (needs node and npm)"
	@echo "make pictures the pictures of docs/, by the browser tests (needs chromium)"

demo: $(VENV)/.run
	$(BIN)/podfence demo

test: $(VENV)/.test
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# FOR=600 make fuzz: ten minutes of broken captures
FOR ?= 60
fuzz: $(VENV)/.test
	$(BIN)/python -m tests.fuzz --seconds $(FOR)

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.captures

samples: $(VENV)/.test
	$(BIN)/python -m tests.lab.record -o sample_captures

widget:
	cd recommender/notebook/js && npm ci && npm run build

pictures: $(VENV)/.browser
	shots=$$(mktemp -d) && PODFENCE_SCREENSHOTS=$$shots $(BIN)/python -m pytest -q tests/browser \
	  --deselect tests/browser/test_pictures.py \
	  && $(BIN)/python -m tests.browser.pictures $$shots docs/pictures && rm -r $$shots

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "podfence needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "this Python cannot make environments: install its venv package (Debian: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

DECLARED := $(wildcard collectors/capture/*.pxd collectors/formats/*.pxd collectors/live/*.pxd)
COMPILED := $(wildcard $(patsubst %.pxd,%.py,$(filter-out %machine.pxd %layout.pxd %shared.pxd,$(DECLARED))))
KERNEL := pyproject.toml setup.py $(COMPILED) $(DECLARED)

$(VENV)/.run: $(KERNEL) | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/.test: $(KERNEL) | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@ $(VENV)/.run

$(VENV)/.browser: $(VENV)/.test
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test,browser]'
	@touch $@

$(VENV)/.dev: $(KERNEL) | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test,dev]'
	@touch $@ $(VENV)/.test $(VENV)/.run

clean:
	rm -rf $(VENV) collectors/*/*.so podfence-demo build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
