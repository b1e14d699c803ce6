# Every target is listed by `make help`; a test holds the two together.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BOOTSTRAP = exec $(PYTHON) dev/bootstrap.py
TOOLS = $(BOOTSTRAP) --tools
COMPILE = .venv/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-find-links $(ARGS)

.DEFAULT_GOAL := help
.PHONY: help run test deep e2e shots lint format requirements docs bench bench-audit bench-gateway clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

run: ## Start the whole panel with the sandbox and demo people (PORT, SANDBOX_PORT)
	@$(BOOTSTRAP) -m dev.run

test: ## Run the tests, on SQLite and where it differs on PostgreSQL (under 5 minutes)
	@$(TOOLS) -m dev.test

deep: ## Run what takes longer: kill and fault matrices, whole starts, mutations
	@$(TOOLS) -m dev.test deep

e2e: ## Run the browser journeys in Chromium (CHROMIUM, or chromium on PATH)
	@$(TOOLS) -m dev.test e2e

shots: ## Take pictures of every page in both themes and two widths, into var/shots
	@$(TOOLS) -m tests.e2e.shots

lint: ## Check format, rules, types, the import ladder, templates and migrations
	@$(TOOLS) -m dev.lint

format: ## Bring the code into the format of the project and mend what a program can
	@$(TOOLS) -m dev.lint format

requirements: ## Pin requirements*.in again, with hashes (ARGS=--upgrade for newer versions)
	@$(PYTHON) dev/bootstrap.py --tools -c ''
	@$(COMPILE) --output-file=requirements.txt requirements.in
	@$(COMPILE) --output-file=requirements-dev.txt requirements-dev.in
	@$(COMPILE) --output-file=tests/gateway/outside.txt tests/gateway/outside.in

docs: ## Write docs/settings.md and docs/permissions.md again from their tables
	@$(PYTHON) dev/bootstrap.py -m controlpanel.env > docs/settings.md.new
	@mv docs/settings.md.new docs/settings.md
	@$(PYTHON) dev/bootstrap.py -m controlpanel.accounts.permissions_doc > docs/permissions.md.new
	@mv docs/permissions.md.new docs/permissions.md

bench: ## Measure the list page beside a bare view
	@$(TOOLS) -m benchmarks.list_page

bench-audit: ## Measure the audit log and its peers: long; ARGS=--short for minutes
	@$(TOOLS) -m benchmarks.audit $(ARGS)

bench-gateway: ## Measure the gateway and its peers (nginx and wrk needed); ARGS=--short
	@$(TOOLS) -m benchmarks.gateway $(ARGS)

clean: ## Remove the virtual environment and all caches; var/ with its data stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis mutants
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
