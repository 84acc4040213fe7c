# Everything a developer or a user calls. `make help` lists it.
#
# One virtual environment, two steps: `make run` puts in what serving needs, `make test` and the
# others add what training and testing need. A step runs again only when pyproject.toml or the locked
# versions (requirements/) changed.

# Set on the command line, not in the environment, where other programs use the same names:
# make run HOST=0.0.0.0 PORT=9000
HOST = 127.0.0.1
PORT = 8000
RUNTIME = cpu
VENV = .venv
# How often `make kills` kills, in each mode
ROUNDS = 100
# More arguments for a command, for instance: make bench ARGS="--help"
ARGS =
# The torch that tests and export use. On Linux the default index brings the CUDA build, several GB;
# for the small one: make test TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH ?= torch==2.13.0
# The program that resolves versions for all Pythons and machines at once, for `make lock`
UV ?= uv>=0.13,<1
TORCH_INDEX ?=
# A Python from 3.11 to 3.14; found when the environment is made, or named: make run PYTHON=python3.12
PYTHON ?=

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
SERVING_PARTS := server,postgres,redis,rabbitmq,s3
FULL_PARTS := $(SERVING_PARTS),train,evaluate,fan,dev
SERVING := requirements/serving.txt
DEVELOPMENT := requirements/development.txt
LOCK = $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --system-certs \
    --no-annotate --custom-compile-command 'make lock' $(ARGS)
comma := ,
extras = --extra $(subst $(comma), --extra ,$(1))
SERVE := $(VENV)/.serve-$(RUNTIME)
FULL := $(VENV)/.full-$(RUNTIME)
LIGHT := $(VENV)/.light-$(RUNTIME)

ifeq ($(filter $(RUNTIME),cpu gpu),)
$(error RUNTIME is cpu or gpu, not '$(RUNTIME)')
endif
OTHER_RUNTIME := $(if $(filter gpu,$(RUNTIME)),onnxruntime,onnxruntime-gpu)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run setup light lock test lint format templates weights bench kills clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "  Variables: HOST PORT RUNTIME=cpu|gpu PYTHON VENV ARGS TORCH TORCH_INDEX"

# Famous faces are looked for once on the way; without a network there are simply fewer.
run: export REENACT_HOST = $(HOST)
run: export REENACT_PORT = $(PORT)
run: BEFORE = --serve
run: $(SERVE) ## Start the service on http://127.0.0.1:8000
	@nice $(BIN)/reenact portraits fetch --folder "$${REENACT_MORE_PORTRAITS:-var/portraits}" </dev/null >/dev/null 2>&1 &
	$(BIN)/reenact-server $(ARGS)

setup: $(FULL) ## Put everything that tests and training need into .venv

light: $(LIGHT) ## The same without torch, for the tests that do without

# A locked version that still fits is kept. torch stays out: TORCH names it, and its builds bring CUDA of their own.
lock: | $(BIN)/python ## Lock the versions of all packages; ARGS=--upgrade takes the newest
	@$(PIP) install '$(UV)'
	echo torch | $(LOCK) --extra cpu $(call extras,$(FULL_PARTS)) --excludes - --output-file $(DEVELOPMENT)
	$(LOCK) --extra cpu --extra gpu $(call extras,$(SERVING_PARTS)) --constraints $(DEVELOPMENT) --output-file $(SERVING)

test: $(FULL) ## Run all tests; ARGS="tests/media -k heic" runs some
	$(BIN)/python -m pytest $(ARGS)

lint: $(FULL) ## Check style, types and the arrows between the packages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(FULL) ## Mend style where a tool can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

templates: $(SERVE) ## Rebuild all templates with the present model
	$(BIN)/reenact templates build $(ARGS)

weights: $(FULL) ## Export the trained model to ONNX
	$(BIN)/reenact export $(ARGS)

bench: $(FULL) ## Measure time and memory, by turns with the published vox-256
	$(BIN)/reenact bench $(ARGS)

kills: $(FULL) ## Kill the service at random moments and count what is lost; ROUNDS=100
	$(BIN)/python -m tests.broker.kills --rounds $(ROUNDS) $(ARGS)

clean: ## Remove the environment and all caches
	rm -rf $(VENV) $(VENV)-newest build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find reenact server tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A change of RUNTIME removes the other runtime first: both own the same folder.
$(SERVE): pyproject.toml $(SERVING) | $(BIN)/python
	@$(BIN)/python requirements/check.py $(BEFORE)
	@rm -f $(VENV)/.serve-* $(VENV)/.full-* $(VENV)/.light-*
	@echo "Setting up $(VENV) for serving (a minute or so) ..."
	@$(PIP) uninstall --yes $(OTHER_RUNTIME) 2>/dev/null
	@$(PIP) install --constraint $(SERVING) --editable '.[$(RUNTIME),server]'
	@touch $@

$(FULL): $(SERVE) $(DEVELOPMENT)
	@echo "Adding what tests and training need to $(VENV) (some minutes) ..."
	@$(PIP) install '$(TORCH)' $(if $(TORCH_INDEX),--index-url '$(TORCH_INDEX)')
	@$(PIP) install --constraint $(DEVELOPMENT) \
	    --editable '.[$(RUNTIME),$(FULL_PARTS)]'
	@touch $@

$(LIGHT): $(SERVE) $(DEVELOPMENT)
	@echo "Adding what tests without torch need to $(VENV) ..."
	@$(PIP) install --constraint $(DEVELOPMENT) --editable '.[$(RUNTIME),$(SERVING_PARTS),evaluate,dev]'
	@touch $@

$(BIN)/python:
	@python=; for name in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python); do \
	    if "$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then \
	        python="$$name"; break; \
	    fi; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "Python 3.11, 3.12, 3.13 or 3.14 is needed$(if $(PYTHON),; $(PYTHON) is not one). \
	Install it, or name it: make PYTHON=/path/to/python3.12" >&2; exit 1; \
	fi; \
	rm -rf $(VENV); \
	if ! "$$python" -m venv $(VENV); then \
	    rm -rf $(VENV); \
	    echo "$$python cannot make a virtual environment. \
	On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	fi
