# Thin recipes: what they do is in scripts/ and in the `rayfix` command.
RAYFIX := .venv/bin/rayfix
SCENE  ?= munich
MODEL  ?= munich

export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: up
up: setup-serve  ## set everything up and serve Munich with a live feed (RAYFIX_PORT, default 8000)
	@.venv/bin/python scripts/up.py

.PHONY: test
test: setup-test  ## every test and linter
	@scripts/test.sh

.PHONY: bench
bench: setup-train  ## run the benchmarks; results go to benchmarks/results/
	@scripts/bench.sh

.PHONY: evaluate
evaluate: setup-train  ## accuracy of every method on the committed test file (MODEL=munich)
	@$(RAYFIX) evaluate --model $(MODEL)

.PHONY: maps
maps: setup-maps  ## trace the radio maps of a scene again (SCENE=munich)
	@$(RAYFIX) maps build --scene $(SCENE) --cells radio_maps/$(SCENE)/cells.yaml \
	  --resolution 2.0 --output-dir radio_maps --engine local

.PHONY: screenshots
screenshots: setup-test  ## take the pictures in docs/images/ again
	@cd frontend && npm run --silent screenshots

.PHONY: format
format: setup-test  ## rewrite the code in the project's style
	@ruff check --fix --quiet . ; ruff format --quiet . && cd frontend && npm run --silent format

.PHONY: lock
lock: setup-test  ## pin the versions in requirements.lock again
	@scripts/lock.sh

.PHONY: clean
clean:  ## remove what set-up, builds and tests wrote
	rm -rf .venv build frontend/dist frontend/node_modules .mypy_cache .ruff_cache .pytest_cache \
	  .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: setup-serve setup-train setup-maps setup-test
setup-serve setup-train setup-maps setup-test: setup-%:
	@scripts/setup.sh $*
