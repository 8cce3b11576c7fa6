#!/bin/sh
# Writes the lock files anew from pyproject.toml. Newest versions that fit: `sh requirements/lock.sh --upgrade`.
set -eu
compile() {
    output=$1
    shift
    .venv/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --quiet \
        --no-annotate --no-header --no-emit-index-url --no-emit-find-links --output-file "requirements/$output" "$@"
}
compile base.lock --extra embedded --group build "$@"
compile server.lock --group build --constraints requirements/base.lock "$@"
compile dev.lock --extra embedded --group build --group dev --constraints requirements/base.lock "$@"
.venv/bin/uv pip compile --group bench --constraints requirements/dev.lock --universal --python-version 3.11 --generate-hashes --quiet \
    --no-annotate --no-header --no-emit-index-url --no-emit-find-links --output-file requirements/bench.lock "$@"
.venv/bin/uv pip compile --group model --no-deps --universal --python-version 3.11 --generate-hashes --quiet \
    --no-annotate --no-header --no-emit-index-url --no-emit-find-links --output-file requirements/model.lock "$@"
