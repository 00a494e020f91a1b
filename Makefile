# `make demo` and `make test` are all a newcomer needs: each sets up what it uses, once.
# Python 3.11 or newer is looked for by running it, because version-manager shims exist but fail.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)
UV := UV_PYTHON_DOWNLOADS=never VIRTUAL_ENV=$(CURDIR)/.venv .venv/bin/uv
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-browser demo run test crash failover attack fuzz check lint types imports architecture sdk-types lock sbom dist bench clean

help:  ## Print this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.venv/bin/uv: requirements-build.lock
	@test -n "$(PYTHON)" || { echo "dasi needs Python 3.11 or newer with its venv module (Debian: apt install python3-venv)"; exit 1; }
	@echo "Setting up with $(PYTHON) ..."
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-build.lock
	@touch $@

.venv/.runtime: .venv/bin/uv requirements.lock pyproject.toml
	@$(UV) pip install -q --require-hashes -r requirements.lock
	@$(UV) pip install -q --no-deps --no-build-isolation -e .
	@echo "The command is .venv/bin/dasi; '. .venv/bin/activate' puts it on the PATH"
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.lock
	@$(UV) pip install -q --require-hashes -r requirements-dev.lock
	@touch $@

sdk/node_modules/.installed: sdk/package-lock.json .venv/.dev
	@cd sdk && PATH="$(CURDIR)/.venv/bin:$$PATH" npm ci --silent --no-audit --no-fund
	@touch $@

tests/clients/node/node_modules/.installed: tests/clients/node/package-lock.json .venv/.dev
	@cd tests/clients/node && PATH="$(CURDIR)/.venv/bin:$$PATH" npm ci --silent --no-audit --no-fund
	@touch $@

setup: .venv/.runtime  ## Install dasi into .venv/ (nothing outside this folder)

setup-dev: .venv/.dev sdk/node_modules/.installed tests/clients/node/node_modules/.installed

setup-browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& echo "Installing Debian's chromium for the browser tests ..." \
		&& apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; } \
		|| echo "No chromium: the browser tests will be skipped and say so (Debian: apt install chromium fonts-noto-cjk)"

demo: setup  ## Everything, offline, with one paid charge (Ctrl-C ends it; ARGS=--once stops after the charge)
	@.venv/bin/dasi demo $(ARGS)

run: setup  ## One machine for real: data kept in ./dasi-data
	@.venv/bin/dasi up $(ARGS)

test: setup-dev setup-browser  ## Lint, types, architecture rules and every test
	@$(MAKE) --no-print-directory lint types imports
	@.venv/bin/python -m pytest -n 2 --dist worksteal -q --durations=10 tests

crash: setup-dev  ## Kill it at every await of every money verb (SEED=1 RUNS=100 MINUTES=60 KILLS=10 SWEEP=all|none|name STEP=1)
	@cd tests && ../.venv/bin/python -m crash --seed $(or $(SEED),1) --runs $(or $(RUNS),100) \
		--minutes $(or $(MINUTES),60) --kills $(or $(KILLS),10) --step $(or $(STEP),1) \
		--sweep "$(or $(SWEEP),$(if $(SEED),none,all))"

failover: setup-dev  ## Break the database in each way and compare the books (SEEDS=3 EVENTS="Patroni")
	@cd tests && ../.venv/bin/python -m failover --write --seeds $(or $(SEEDS),3) --events "$(EVENTS)"

attack: setup-dev  ## Attack the gateway as strangers do, on this machine, and report what held (ARGS="--scale 0.5")
	@cd tests && ../.venv/bin/python -m attack $(ARGS)

fuzz: setup-dev  ## The Iamport interface under schemathesis: every check, thousands of cases (EXAMPLES=60 SEED=1)
	@cd tests && ../.venv/bin/python fuzz_iamport.py --examples $(or $(EXAMPLES),60) $(if $(SEED),--seed $(SEED))

check: lint types architecture  ## Lint, types and the architecture rules

lint: setup-dev
	@.venv/bin/ruff check -q . && .venv/bin/ruff format -q --check .

types: setup-dev sdk-types
	@.venv/bin/mypy --no-error-summary

sdk-types: setup-dev
	@cd sdk && ../.venv/bin/node node_modules/typescript/bin/tsc -p .

imports: setup-dev
	@.venv/bin/lint-imports --no-logo >/dev/null || .venv/bin/lint-imports --no-logo

architecture: imports
	@.venv/bin/python -m pytest -q tests/architecture

lock: .venv/bin/uv  ## Renew the lock files
	$(UV) pip compile -q --universal --no-header --generate-hashes requirements-build.in -o requirements-build.lock
	$(UV) pip compile -q --upgrade --universal --no-header --generate-hashes pyproject.toml -o requirements.lock
	$(UV) pip compile -q --upgrade --universal --no-header --generate-hashes -c requirements.lock pyproject.toml --extra otel -o requirements-otel.lock
	$(UV) pip compile -q --upgrade --universal --no-header --generate-hashes -c requirements.lock pyproject.toml --extra dev -o requirements-dev.lock

sbom: .venv/.runtime  ## What runs in production as a CycloneDX file, from the lock (sbom.cdx.json)
	@.venv/bin/python .ci/sbom.py requirements.lock > sbom.cdx.json

dist: .venv/.runtime  ## Wheel and sdist, the same bytes each time, with their bill of materials (dist/)
	@.venv/bin/python .ci/dist.py

bench: setup-dev  ## Benchmarks beside the baseline of this machine (ARGS="charge reads --quick")
	@command -v wrk >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
		&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq wrk >/dev/null; } \
		|| { echo "make bench needs the load generator wrk (Debian: apt install wrk)"; exit 1; }
	@.venv/bin/python -m bench $(ARGS)

clean:  ## Remove what setup made
	@rm -rf .venv sdk/node_modules tests/clients/node/node_modules
