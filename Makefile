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

.PHONY: generate
generate: setup  ## write what follows from the modules' documentation and the threshold table
	$(BIN)/python scripts/generate.py

.PHONY: lint
lint: setup  ## style of Python, YAML, Ansible, shell and the changelog; generated files are current
	$(BIN)/ruff check .
	$(BIN)/yamllint --strict .
	PATH=$(BIN):$$PATH ANSIBLE_COLLECTIONS_PATH=.collections $(BIN)/ansible-lint
	scripts/lint_shell.sh
	$(BIN)/antsibull-changelog lint
	$(BIN)/python scripts/generate.py --check

.PHONY: types
types: setup  ## mypy --strict
	$(BIN)/mypy -p ansible_collections.vendhub.ops.plugins
	$(BIN)/mypy demo scripts benchmarks tests

.PHONY: unit
unit: setup  ## tests of pure code, seconds
	$(BIN)/pytest tests/unit

.PHONY: integration
integration: setup system  ## tests against real services on this machine
	$(BIN)/pytest tests/integration

.PHONY: hosts
hosts: setup system  ## tests on real hosts, Molecule's scenarios among them: the lab boots them, see docs/lab.md
	$(BIN)/pytest tests/hosts --numprocesses 2 --dist loadfile

.PHONY: molecule
molecule: setup system  ## Molecule's scenarios on hosts of the lab; one of them: make molecule SCENARIO=default
	PATH=$(BIN):$$PATH $(BIN)/molecule test $(if $(SCENARIO),--scenario-name $(SCENARIO),--all)

LAB ?= lab
HOSTS ?= 1
.PHONY: lab-up
lab-up: setup system  ## boot hosts by hand: make lab-up HOSTS=3, or HOSTS=app1,web1
	$(BIN)/python -m tests.lab up $(LAB) --hosts $(HOSTS)

.PHONY: lab-ssh
lab-ssh: setup  ## a shell on one of them: make lab-ssh HOST=host1
	@$(BIN)/python -m tests.lab ssh $(LAB) $(or $(HOST),host1)

.PHONY: lab-down
lab-down: setup  ## take them away
	$(BIN)/python -m tests.lab down $(LAB)

.PHONY: sanity
sanity: setup  ## ansible-test sanity
	scripts/sanity.sh

.PHONY: build
build: setup  ## build the collection, install it elsewhere, and run it from there
	scripts/build.sh

.PHONY: system
system:  ## the system packages that tests need: installed on Debian as root, else named
	scripts/system_packages.sh

.PHONY: check
check: lint types unit  ## the fast part, for daily work

.PHONY: test
test: system lint types unit sanity build integration  ## everything a change must pass
