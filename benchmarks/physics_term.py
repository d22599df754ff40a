"""What the physics term adds to a training step.

    python benchmarks/physics_term.py --json

Steps with and without the term take turns on the same batches, so that both see the same machine;
the ratio of their medians is what counts. Bar: 1.10.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from datetime import date
from pathlib import Path

import torch
from provenance import command, machine

from rayfix.training.config import load_training_config
from rayfix.training.train import Run

WARM_UP = 3
"""Pairs of steps that are not counted: caches, and the map's evidence for the first time."""


def seconds_of(run: Run, step: int) -> float:
    """Time of one training step."""
    started = time.perf_counter()
    run.step(step)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("configs/model.yaml"))
    parser.add_argument("--pairs", type=int, default=40, help="pairs of steps")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    config = load_training_config(options.config)
    # A checkpoint of a run under way is neither read nor written.
    config = config.model_copy(update={"checkpoint": Path("nowhere") / "physics_term.pt"})
    torch.set_num_threads(1)
    run = Run(config, options.config)
    physics = run.physics
    if physics is None:
        parser.error(f"{options.config} trains without the physics term")
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for step in range(options.pairs + WARM_UP):
        # The same step twice, so the same batch, and the map's evidence is refreshed in both.
        for on in (True, False) if step % 2 else (False, True):
            run.physics = physics if on else None
            spent = seconds_of(run, step)
            if step >= WARM_UP:
                seconds[on].append(spent)
    medians = {on: statistics.median(spent) for on, spent in seconds.items()}
    report = {
        "command": command(),
        "machine": machine(),
        "date": date.today().isoformat(),
        "batch_size": config.training.batch_size,
        "pairs": options.pairs,
        "without_ms": round(1e3 * medians[False], 1),
        "with_ms": round(1e3 * medians[True], 1),
        "ratio": round(medians[True] / medians[False], 3),
        "ratio_of_pairs_median": round(
            statistics.median(a / b for a, b in zip(seconds[True], seconds[False], strict=True)), 3
        ),
        "bar": 1.10,
    }
    print(json.dumps(report, indent=1) if options.json else report)


if __name__ == "__main__":
    main()
