# Everything is installed into .venv of this folder. Relative paths only: make cannot name a path with a space.
.POSIX:
.PHONY: help up test test-faults lint bench bench-run bench-start bench-pages bench-people bench-coverage lock audit install install-dev

PYTHON = .venv/bin/python
INSTALL = sh requirements/python.sh requirements/install.py
# With its bytecode kept, also where Python is told not to: tests start dozens of programs.
PYTEST = PYTHONDONTWRITEBYTECODE= $(PYTHON) -m pytest

help:
	@echo "make up      start everything (Ctrl-C stops it); the first time installs what is needed"
	@echo "make test    all tests, with a database of their own"
	@echo "make lint    style, types, architecture"
	@echo "make bench   every benchmark, one after the other (make bench-run: the one of runs)"
	@echo "make lock    write the lock files anew from pyproject.toml"
	@echo "make audit   look for known weaknesses in what is installed"

# exec: make hands the platform over, nothing stands between them.
up: install
	@exec $(PYTHON) -m llmops.cli up --stop-with-parent $(ARGS)

# A module stays with one worker: some start a whole platform for all their tests.
test: install-dev
	@sh requirements/chromium.sh
	@$(PYTEST) -n 2 --dist loadscope --no-loadscope-reorder $(ARGS)

# One after the other: they break connections that tests beside them would need.
test-faults: install-dev
	@$(PYTEST) -m faults $(ARGS)
	@TEST_FAULTS=full $(PYTEST) tests/jobs tests/security -s $(ARGS)

# The settings, which mypy reads, make secrets and folders: not where the first start will look for its own.
lint: install-dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check --quiet .
	@git ls-files -z 'templates/*.html' | xargs -0 .venv/bin/djade --target-version 5.2 --check
	@.venv/bin/lint-imports --no-cache
	@LLMOPS_HOME=.venv/lint LLMOPS_ENV_FILE=/dev/null .venv/bin/mypy

bench: bench-run bench-start bench-pages bench-people bench-coverage
	@$(PYTHON) -m bench.import_memory

bench-run: install-dev
	@$(PYTHON) -m bench.run_bench $(ARGS)

bench-start: install-dev
	@$(PYTHON) -m bench.start_bench

bench-pages: install-dev
	@$(PYTHON) -m bench.pages_bench

# The load generator is installed for this alone, beside the rest: it would plug itself into the tests.
bench-people: install-dev
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
	  --upgrade --target .venv/bench -r requirements/bench.lock
	@$(PYTHON) -m bench.people_bench $(ARGS)

bench-coverage: install-dev
	@$(PYTHON) -m bench.coverage_sim

lock: install-dev
	@sh requirements/lock.sh $(ARGS)

audit: install-dev
	@$(PYTHON) requirements/audit.py

install:
	@$(INSTALL) base

install-dev:
	@$(INSTALL) dev
