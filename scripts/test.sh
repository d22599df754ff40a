#!/usr/bin/env bash
# Every check, cheapest first: types and style, then units, then the browser. Stops at the first
# that fails; pytest's summary comes last.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH

step() {
  local name=$1 started=$SECONDS
  shift
  printf '\033[1m== %s\033[0m\n' "$name"
  "$@" || { printf '%s failed\n' "$name" >&2; exit 1; }
  printf '   %d s\n' $((SECONDS - started))
}

console() { (cd frontend && npm run --silent "$1"); }

step "ruff" ruff check .
step "ruff format" ruff format --check --quiet .
step "import layers" lint-imports --no-cache
step "mypy" mypy
step "console: prettier and eslint" console lint
step "console: types" console typecheck
step "console: unit tests" console test
CHROMIUM=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
export CHROMIUM
step "pytest" pytest "$@"
