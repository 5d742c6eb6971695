# The commands of a developer. `make demo` shows the product, `make test` is everything a change must pass.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin

.PHONY: setup
setup: $(VENV)/.dev  ## the tools of a developer, in .venv

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv

$(VENV)/.demo: requirements/demo.txt | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r $<
	@touch $@

$(VENV)/.dev: requirements/dev.txt requirements/demo.txt | $(VENV)/bin/uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r $<
	@touch $@ $(VENV)/.demo

.PHONY: demo
demo: $(VENV)/.demo  ## a small VendHub on this machine, a few planted problems, and the report
	@$(BIN)/python -m demo.demo up

.PHONY: demo-down
demo-down: $(VENV)/.demo  ## stop everything the demo started
	@$(BIN)/python -m demo.demo down
