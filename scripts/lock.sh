#!/usr/bin/env bash
# Pins every version in requirements.lock for Python 3.11 and newer on Linux, x86-64 and aarch64.
# Keeps the versions already pinned where pyproject.toml still allows them; `--upgrade` renews all.
# The file names no index and no hashes: builds of one torch version differ between indexes.
set -euo pipefail
cd "$(dirname "$0")/.."
env -u UV_FIND_LINKS .venv/bin/uv pip compile pyproject.toml --all-extras --universal \
  --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-annotate \
  --custom-compile-command "make lock" --quiet -o requirements.lock "$@"
