#!/usr/bin/env bash
# Runs every program of benchmarks/ and keeps what each printed last in benchmarks/results/. One that
# fails (some need data/, from `rayfix dataset build`) does not keep the others from running.
set -uo pipefail
cd "$(dirname "$0")/.."

mkdir -p benchmarks/results
failed=()
for program in $(grep -l -- '"--json"' benchmarks/*.py); do  # the others are what they share
  result=benchmarks/results/$(basename "$program" .py).json
  printf '\033[1m== %s\033[0m\n' "$program"
  if .venv/bin/python "$program" --json | tee "$result.tmp"; then
    mv "$result.tmp" "$result"
  else
    rm -f "$result.tmp"
    failed+=("$program")
  fi
done
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }
