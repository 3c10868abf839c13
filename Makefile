# The front door. Every target does its own set-up; needs git, make and Python 3.11+ (venv).
PYTHON ?= python3
BIN := .venv/bin
MACHINE_PATH := $(PATH)
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Compiled Python stays in .venv and __pycache__, which git ignores: without it each of the many
# processes of a demo or a test run would compile the CDK library again.
unexport PYTHONDONTWRITEBYTECODE
# What these would keep in the home folder stays in the clone too.
CACHE := $(CURDIR)/.kickstand/cache
export CDK_HOME := $(CACHE)/cdk
export JSII_RUNTIME_PACKAGE_CACHE_ROOT := $(CACHE)/jsii
export MPLCONFIGDIR := $(CACHE)/matplotlib

.PHONY: help setup demo demo-promotion acceptance test check format bench bench-picture lock images managed-policies clean

help: ## What there is to make
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## Virtual environment, locked packages, the CDK command line
	@PATH="$(MACHINE_PATH)" $(PYTHON) -I scripts/setup.py

demo: setup ## The main job on this machine: from CSV files to predictions
	@$(BIN)/kickstand --local demo

demo-promotion: setup ## A model's way from dev to staging to prod, on three local accounts
	@$(BIN)/kickstand demo-promotion

acceptance: setup ## The main job and nine questions on a real account: ENV=dev (TO=staging LOCAL=1 YES=1 REMOVE=1)
	@$(BIN)/python -m acceptance $(or $(ENV),$(error Say which environment's account: make acceptance ENV=dev)) $(if $(TO),--to $(TO)) $(if $(LOCAL),--local) $(if $(YES),--yes) $(if $(REMOVE),--remove)

test: setup ## All tests
	@$(BIN)/pytest

check: setup ## Format, lint, types
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && $(BIN)/mypy --no-error-summary && echo "format, lint and types are good"

format: setup ## Put the code in order
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

bench: setup ## Speed and memory, as ratios to peers of the same run (SIZES=large: up to 5 GB)
	@$(BIN)/python -W ignore -m benchmarks $(if $(SIZES),--sizes $(SIZES))

bench-picture: setup ## Draw the last results of bench in docs/benchmarks.png
	@$(BIN)/python -m benchmarks --draw

lock: setup ## Resolve requirements.in into requirements.lock anew, and the locks of the SageMaker SDKs and of the benchmarks' peers
	@$(BIN)/uv pip compile requirements.in --universal --python-version 3.11 --generate-hashes --no-header --quiet -o requirements.lock
	@cd localcloud/clients && for client in model-trainer sdk-v2; do $(CURDIR)/$(BIN)/uv pip compile $$client.in --excludes $$client.excludes --universal --python-version 3.11 --generate-hashes --no-header --quiet -o $$client.lock || exit 1; done
	@cd benchmarks/programs && for peer in fastapi mlserver; do $(CURDIR)/$(BIN)/uv pip compile $$peer.in --excludes mlserver.excludes --universal --python-version 3.11 --generate-hashes --no-header --quiet -o $$peer.lock || exit 1; done
	@$(BIN)/npm install --package-lock-only --no-audit --no-fund --loglevel=error

images: setup ## Make the tables of images, regions and instance types anew, from what is installed
	@$(BIN)/python scripts/make_image_table.py

managed-policies: setup ## Collect the local cloud's copies of AWS's managed policies anew
	@$(BIN)/uv run --quiet --no-project --isolated --no-build --with moto==5.2.5 python scripts/make_managed_policies.py

clean: ## Remove what set-up and synthesis made (the local cloud's state stays)
	@rm -rf .venv node_modules cdk.out .setup.lock
