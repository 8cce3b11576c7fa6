# Everything is installed into .venv of this folder. Relative paths only: make cannot name a path with a space.
.POSIX:
.PHONY: help up test lint lock audit install install-dev

PYTHON = .venv/bin/python
INSTALL = sh requirements/python.sh requirements/install.py

help:
	@echo "make up      start everything (Ctrl-C stops it); the first time installs what is needed"
	@echo "make test    all tests, with a database of their own"
	@echo "make lint    style, types, architecture"
	@echo "make lock    write the lock files anew from pyproject.toml"
	@echo "make audit   look for known weaknesses in what is installed"

# exec: make hands the platform over, nothing stands between them.
up: install
	@exec $(PYTHON) -m llmops.cli up --stop-with-parent $(ARGS)

test: install-dev
	@sh requirements/chromium.sh
	@$(PYTHON) -m pytest -n 2 $(ARGS)

lint: install-dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check --quiet .
	@git ls-files -z 'templates/*.html' | xargs -0 .venv/bin/djade --target-version 5.2 --check
	@.venv/bin/lint-imports --no-cache
	@.venv/bin/mypy

lock: install-dev
	@sh requirements/lock.sh $(ARGS)

audit: install-dev
	@.venv/bin/pip-audit --requirement requirements/dev.lock --disable-pip --require-hashes

install:
	@$(INSTALL) base

install-dev:
	@$(INSTALL) dev
