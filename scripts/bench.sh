#!/usr/bin/env bash
# Runs every program of benchmarks/ and keeps what each printed last in benchmarks/results/.
set -euo pipefail
cd "$(dirname "$0")/.."

mkdir -p benchmarks/results
for program in $(grep -l -- '"--json"' benchmarks/*.py); do  # the others are what they share
  result=benchmarks/results/$(basename "$program" .py).json
  printf '\033[1m== %s\033[0m\n' "$program"
  .venv/bin/python "$program" --json | tee "$result.tmp"
  mv "$result.tmp" "$result"
done
