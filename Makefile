# Everything works from a fresh clone with `make run` and `make test`; both set up what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WHICH_PYTHON = use Python 3.11 or later: make PYTHON=python3.13 $(MAKECMDGOALS)
SAM_VENV := .venv-sam
SAM := $(SAM_VENV)/bin/sam
SAM_VERSION := 1.170.0
COMPAT_VENV := .venv-compat
COMPAT_READY := $(COMPAT_VENV)/.ready
EXAMPLE := examples/coffee-house
DIST ?= dist
ARCHITECTURE ?= arm64
# What `sam deploy` takes.
BUILD_DIR := .aws-sam/build
# This machine's architecture, as Lambda calls it.
OWN_ARCHITECTURE := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)
# Started, not just found: a version manager may put a python3.13 on the PATH without having that version.
FIND_PYTHON313 = for each in python3.13 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13*/bin/python3.13; do \
	"$$each" -c 'import sys; print(sys.executable)' 2>/dev/null && break; done

# The variables on make's command line. The environment may use the same names for something else.
NAMES := $(foreach each,$(MAKEOVERRIDES),$(firstword $(subst =, ,$(each))))
GIVEN := $(foreach each,$(NAMES),$(if $(findstring command,$(origin $(each))),$(each)))
given = $(filter $(1),$(GIVEN))
# A misspelled one would silently have no effect.
ifneq ($(filter run invoke,$(MAKECMDGOALS)),)
EXPECTED := EVENT $(if $(filter run,$(MAKECMDGOALS)),LOG GROUP SET) PYTHON
HIDDEN := ARCHITECTURE BUILD_DIR SAM_BUILD
UNKNOWN := $(strip $(filter-out $(EXPECTED) $(HIDDEN),$(GIVEN)))
$(if $(UNKNOWN),$(error `make $(MAKECMDGOALS)` does not know $(UNKNOWN); it knows $(EXPECTED). Settings of the \
	forwarder go into SET, as in `make run SET="DD_TAGS=team:a"`))
endif
# Another Python needs another virtual environment. The file names the Python that was used.
ifneq ($(call given,PYTHON),)
ifneq ($(PYTHON),$(shell cat $(READY) 2>/dev/null))
.PHONY: $(READY)
endif
endif

.DEFAULT_GOAL := help
.PHONY: help setup run check-delivery test test-runtime compat check format benchmark events proto validate build \
	invoke test-invoke package test-package release-notes clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make run EVENT=events/awslogs.lambda-warm.json        one event"
	@echo "  make run LOG=any.log GROUP=/aws/lambda/my-function    any text file, as CloudWatch Logs would send it"
	@echo "  make run SET=\"REDACT_EMAIL=true DD_TAGS=team:a\"       with these settings"

setup: $(READY) ## Make the virtual environment (other targets do so automatically)

$(READY): requirements-dev.txt src/requirements.txt
	@$(PYTHON) -c '' 2>/dev/null || { echo "$(PYTHON) cannot be started; $(WHICH_PYTHON)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is too old; $(WHICH_PYTHON)" >&2; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON), which takes about a minute ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@echo "$(PYTHON)" > $@

# Passed through the environment unchanged: neither make nor the shell may interpret quotes and dollars.
run: override export EVENT := $(value EVENT)
run: override export LOG := $(value LOG)
run: override export GROUP := $(value GROUP)
run: override export SET := $(value SET)
run: $(READY) ## Run the sample events (or EVENT=…, or LOG=… GROUP=…; SET=…) through the real handler into a local intake
	@$(BIN)/python -m local_run $(if $(call given,EVENT),--event="$$EVENT") $(if $(call given,LOG),--log="$$LOG") \
		$(if $(call given,GROUP),--group="$$GROUP") $(if $(call given,SET),--settings="$$SET")

check-delivery: $(READY) ## Check whether a forwarder with this shell's settings (DD_API_KEY, DD_SITE, ...) would deliver
	@$(BIN)/python -m local_run.check

test: $(READY) ## Run the tests that need neither the runtime emulator nor a container
	@$(BIN)/python -m pytest -m "not runtime and not compat and not container and not package"

test-runtime: $(READY) ## Run the tests under Lambda's runtime client and emulator
	@$(BIN)/python -m local_run.emulator install
	@$(BIN)/python -m pytest -m runtime tests/runtime

# With the same Python, since the function runs under the runtime client in $(VENV), with its packages on the path.
$(COMPAT_READY): $(READY) $(EXAMPLE)/requirements.txt
	@echo "Setting up $(COMPAT_VENV) ..."
	@$(BIN)/python -m venv --clear $(COMPAT_VENV)
	@$(COMPAT_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $(EXAMPLE)/requirements.txt
	@touch $@

compat: $(COMPAT_READY) ## Run a function with Datadog's library, forward what it prints and check what arrives
	@$(BIN)/python -m local_run.emulator install
	@$(BIN)/python -m pytest -m compat --tb=short tests/compat

check: $(READY) ## Lint; check formatting, types and that the sample events are up to date
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/python -m events.make_events --check

format: $(READY) ## Format the code and fix what the linter can
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

benchmark: $(READY) ## Measure CPU time per line against a plain reference
	@$(BIN)/python -m benchmarks.line_cpu

events: $(READY) ## Make the sample events from the texts in events/text
	@$(BIN)/python -m events.make_events

proto: $(READY) ## Generate the protobuf module from its .proto file
	@$(BIN)/python -m grpc_tools.protoc --proto_path=src --python_out=src --pyi_out=src trace_proto/agent_payload.proto

$(SAM):
	@$(PYTHON) -m venv $(SAM_VENV)
	@$(SAM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check aws-sam-cli==$(SAM_VERSION)

validate: $(SAM) ## Check the templates with SAM and cfn-lint
	@$(SAM) validate --lint
	@$(SAM) validate --lint --template $(EXAMPLE)/template.yaml

build: $(READY) $(SAM) ## Build the stack (ARCHITECTURE=arm64 or x86_64); needs Python 3.13, the function's version
	@python=$$($(FIND_PYTHON313)); test -n "$$python" || \
		{ echo "sam build needs Python 3.13 on the PATH (or run: $(SAM) build --use-container)" >&2; exit 1; }; \
	PATH="$$(dirname "$$python"):$$PATH" \
		$(SAM) build --build-dir $(BUILD_DIR) --parameter-overrides Architecture=$(ARCHITECTURE) $(SAM_BUILD) && \
		$(BIN)/python -m release.startup $(BUILD_DIR) "$$python"
	@$(SAM_VENV)/bin/python -m release.template $(BUILD_DIR) $(ARCHITECTURE)

# Built in another directory than what `sam deploy` takes.
invoke test-invoke: ARCHITECTURE := $(OWN_ARCHITECTURE)
invoke test-invoke: BUILD_DIR := .aws-sam/$(OWN_ARCHITECTURE)
invoke: override export EVENT := $(value EVENT)
invoke: build ## Run a sample (or EVENT=…) through the built stack, in a container, into a local intake; needs Docker
	@$(BIN)/python -m local_run.invoke $(if $(call given,EVENT),--event="$$EVENT")

test-invoke: build ## Run the container tests of the built stack; needs Docker
	@$(BIN)/python -m pytest -m container tests/runtime

package: $(READY) ## Make the files of a release in dist/: for each architecture a zip, a layer and their templates
	@for each in arm64 x86_64; do \
		$(MAKE) --no-print-directory build ARCHITECTURE=$$each BUILD_DIR=.aws-sam/$$each SAM_BUILD=--no-cached || exit 1; \
	done
	@$(BIN)/python -m release.package $(DIST)

test-package: $(READY) ## Test the zip of `make package` on a Python 3.13 with only boto3 and the runtime client
	@$(BIN)/python -m local_run.emulator install
	@PYTHON313=$$($(FIND_PYTHON313)) $(BIN)/python -m pytest -m package tests/release

release-notes: $(READY) ## Print what CHANGELOG.md says about this version
	@$(BIN)/python -m release.notes

clean: ## Remove what the other targets create
	@rm -rf $(VENV) $(SAM_VENV) $(COMPAT_VENV) $(DIST) .cache .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis
