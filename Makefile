# Bare `make` lists the targets. The cloud's commands run in .local/cloud, all others in .venv; local/setup.py makes both and
# keeps them current.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Python 3.11 is preferred. A shim on PATH may not start, so each candidate is tried.
PYTHON ?= $(shell for name in python3.11 python3 python3.12 python3.13; do \
	"$$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && command -v "$$name" && break; done)
SETUP = $(if $(PYTHON),$(PYTHON),$(error Python 3.11, 3.12 or 3.13 is needed and none was found on PATH; say PYTHON=/path/to/python3.11)) -Es -m local.setup
RUN := .venv/bin/python -m
PYTEST := $(RUN) pytest -q
# For tests that share nothing: a worker for each core, and one that is done takes tests from the other's rest.
WORKERS := -n auto --dist worksteal
CLOUD := .local/cloud/bin/python -m
# Node as local/setup.py found or installed it: the CDK's library runs on it, its command line is written in it.
export PATH := $(CURDIR)/.local/node/bin:$(PATH)
# A shell that forbids bytecode has every program compile its libraries anew: ten seconds of each test run.
unexport PYTHONDONTWRITEBYTECODE
VALUES = $(foreach value,$(SET),-c $(value))
CDK = node node_modules/aws-cdk/bin/cdk -c stage=$(STAGE) $(VALUES)

SCENARIO ?=
PMS ?=
HOTEL ?=
LIST ?=
UPGRADE ?=
N ?=
MINUTES ?=
ARGS ?=
STAGE ?=
SET ?=
F ?=
E ?=

##@ Calls
.PHONY: call up invoke hotel-check
call: ready ## play a guest phoning the demo hotel (SCENARIO=name, LIST=1 lists them; PMS=apaleo, a vendor's stand-in)
	@$(RUN) local.call $(if $(LIST),--list) $(if $(PMS),--pms $(PMS)) $(SCENARIO) $(ARGS)

up: ready ## keep the whole system running and print its addresses
	@$(RUN) local.up

invoke: ready ## run one function with moto in this process (F=pms E=tests/events/offers.json)
	@$(if $(and $(F),$(E)),,echo "say which function and which event: F=pms E=tests/events/offers.json" >&2; exit 2)
	@$(RUN) local.invoke $(F) $(E) $(ARGS)

hotel-check: ready ## compare a hotel's file with its booking system (HOTEL=name STAGE=dev; PMS=apaleo, the vendor's stand-in)
	@$(RUN) local.hotel_check $(HOTEL) $(if $(STAGE),--stage $(STAGE)) $(if $(PMS),--pms $(PMS)) $(ARGS)

##@ Cloud
.PHONY: preflight synth diff deploy destroy app cloud stage
preflight: stage cloud ## check with your AWS rights what would fail later (all of these: STAGE=dev or prod, SET="name=value …")
	@$(CLOUD) cdk.preflight $(STAGE) $(VALUES) $(ARGS)

synth: stage cloud ## write the templates to cdk.out/<stage>/
	@$(CDK) synth --quiet --output cdk.out/$(STAGE) $(ARGS)

diff: stage cloud ## show what a deployment would change
	@$(CDK) diff --all $(ARGS)

deploy: stage cloud ## deploy a stage, after its preflight
	@$(CLOUD) cdk.preflight $(STAGE) $(VALUES)
	@$(CDK) deploy --all $(ARGS)

# What writes into the buckets goes first, then what is in them: CloudFormation deletes no bucket that holds something.
destroy: stage cloud ## remove a stage; what it keeps is in docs/operations.md
	@$(CDK) destroy bellhop-$(STAGE)-api $(ARGS)
	@$(CLOUD) cdk.emptying $(STAGE) $(VALUES)
	@$(CDK) destroy --all $(ARGS)

# What cdk.json starts, whoever calls the CDK.
app: cloud
	@$(CLOUD) cdk.app

cloud:
	@$(SETUP) uv node cdk cloud

stage:
	@case "$(STAGE)" in \
		dev|prod) ;; \
		"") echo "say which stage: STAGE=dev or STAGE=prod" >&2; exit 2 ;; \
		*) echo "there is no stage $(STAGE): say STAGE=dev or STAGE=prod" >&2; exit 2 ;; \
	esac

##@ Tests
.PHONY: test check style types imports functions infrastructure e2e faults-pms faults-asr bench-lambda bench-pms bench-asr soak-asr images
test: check functions infrastructure ## everything CI runs: check, functions, infrastructure, integration and at most five spoken calls
	$(PYTEST) -m "integration or smoke" $(ARGS)

functions: ready ## the functions' own tests under Lambda's Python, where the machine has it
	@$(RUN) local.lambda_python $(WORKERS) $(ARGS)

infrastructure: ready ## what the cloud is made of, and every function of it started
	$(PYTEST) -m infrastructure $(ARGS)

check: ready style types imports ## format, lint, types, import rules, unit and contract tests
	$(PYTEST) $(WORKERS) -m "unit or contract" $(ARGS)

e2e: ready ## every spoken call, those with failing parts too (writes docs/reports/spoken-calls.md)
	$(PYTEST) tests/e2e tests/faults -m "e2e or faults" --report docs/reports/spoken-calls.md $(ARGS)

faults-pms: ready ## break what a wish passes on its way, each way N=50 times (writes docs/reports/pms-faults.md)
	REPETITIONS=$(or $(N),50) $(PYTEST) tests/faults/test_pms_faults.py --report docs/reports/pms-faults.md $(ARGS)

faults-asr: ready ## kill and restart the recogniser while a guest speaks (writes docs/reports/asr-recovery.md)
	$(PYTEST) tests/faults/test_recognition_recovery.py --report docs/reports/asr-recovery.md $(ARGS)

bench-lambda: ready ## how fast each function starts, beside a bare one (writes docs/reports/lambda-start.md)
	$(PYTEST) -m bench tests/bench/test_lambda_start.py --report docs/reports/lambda-start.md $(ARGS)

bench-pms: ready ## what our layer adds to a booking system's own time (writes docs/reports/pms-overhead.md)
	$(PYTEST) -m bench tests/bench/test_pms_overhead.py --report docs/reports/pms-overhead.md $(ARGS)

bench-asr: ready ## our recogniser beside LiveKit's stock plugin (writes .local/bench/asr.json and docs/reports/asr.md)
	$(PYTEST) -m bench tests/bench/test_asr.py --report docs/reports/asr.md $(ARGS)

soak-asr: ready ## our recogniser's memory over MINUTES=5 (writes docs/reports/asr-memory.md)
	MINUTES=$(or $(MINUTES),5) $(PYTEST) -m bench tests/bench/test_asr_memory.py --report docs/reports/asr-memory.md $(ARGS)

images: ready ## build the containers and have each do its work (needs buildah)
	@$(RUN) local.images $(ARGS)

style: ready
	.venv/bin/ruff format --check --quiet
	.venv/bin/ruff check --quiet

types: ready
	.venv/bin/mypy

imports: ready
	@.venv/bin/lint-imports --no-logo

##@ Upkeep
.PHONY: ready format lock clean help
ready: ## set up what is missing or out of date (all targets do this by themselves)
	@$(SETUP)

format: ready ## format the code and repair what ruff can repair
	.venv/bin/ruff check --fix --quiet
	.venv/bin/ruff format --quiet

GROUPS := lambdas agent asr cdk local lambda-tests langid langid-build uv go node java
COMPILE = .local/uv/bin/uv pip compile pyproject.toml --quiet --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)
# What compiles a library in an environment of its own may be older than what runs beside it.
lock: ## write requirements/*.txt anew from pyproject.toml (UPGRADE=1 takes newer versions)
	@$(SETUP) uv
	$(COMPILE) --group dev --output-file requirements/dev.txt
	@for group in $(GROUPS); do \
		echo "requirements/$$group.txt"; \
		constraints="--constraints requirements/dev.txt"; [ "$$group" != langid-build ] || constraints=; \
		$(COMPILE) --group $$group $$constraints --output-file requirements/$$group.txt; \
	done

clean: ## remove everything that was set up, built or recorded
	rm -rf .venv .local node_modules cdk.out .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
