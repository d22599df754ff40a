"""`python benchmarks/locator_speed.py --json`: how long a fix takes, in processor time.

One report a fix, *standard*, from the test file. Single fixes and batches of 64; without
refinement, with its look at the map's own resolution alone, and with its five steps on top. The
three take turns, so that whatever else the machine does strikes all alike; medians over rounds.
Processor time of one thread, which does not count what other programs took; `fixes_per_s` is wall
time with as many threads as there are cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch
from provenance import command, machine

from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.dataset import aligned_with
from rayfix.measurement.dataset_file import load_dataset
from rayfix.model.artefact import load_model
from rayfix.model.positioning import ModelOnMap, locate
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.store import load_radio_map

STEPS = 5
BATCH = 64


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="munich")
    parser.add_argument("--reports", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    model = load_model(Path("models") / arguments.model)
    scene = model.config.scenes[0]
    radio_map = load_radio_map(Path("radio_maps") / scene)
    maps = MapTensors.from_radio_map(radio_map, arguments.device)
    model.network.to(arguments.device)
    ready = ModelOnMap.prepare(model, maps)
    test = aligned_with(
        load_dataset(Path("benchmarks/data") / f"{scene}-test.zarr.zip"), radio_map.cells, scene
    )
    batch = test.draw(load_conditions().conditions["standard"], 99, arguments.reports)[slice(BATCH)]

    def at(count: int, steps: int) -> Callable[[], None]:
        def run() -> None:
            for start in range(0, BATCH if count == BATCH else 8, count):
                locate(ready, batch[slice(start, start + count)], steps)

        return run

    torch.set_num_threads(1)
    row: dict[str, float] = {}
    for count, name in ((1, "single"), (BATCH, "batch")):
        fixes = BATCH if count == BATCH else 8
        found = interleaved([at(count, 0), at(count, STEPS)], arguments.rounds, time.process_time)
        plain, full = (1e3 * seconds / fixes for seconds in found)
        row |= {f"{name}_ms": full, f"{name}_refinement_ms": full - plain}
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    for count, name in ((1, "single"), (BATCH, "batch")):
        fixes = BATCH if count == BATCH else 8
        (seconds,) = interleaved([at(count, STEPS)], arguments.rounds, time.perf_counter)
        row[f"{name}_fixes_per_s"] = fixes / seconds
    result = {key: round(value, 3) for key, value in row.items()}
    document = {
        "command": command(),
        "machine": machine(),
        "date": date.today().isoformat(),
        "result": result,
    }
    print(json.dumps(document, indent=2) if arguments.json else result)


def interleaved(
    work: list[Callable[[], None]], rounds: int, clock: Callable[[], float]
) -> list[float]:
    """Median time [s] of each piece of work, in turns."""
    for piece in work:
        piece()
    taken: list[list[float]] = [[] for _ in work]
    for _ in range(rounds):
        for piece, times in zip(work, taken, strict=True):
            started = clock()
            piece()
            times.append(clock() - started)
    return [statistics.median(times) for times in taken]


if __name__ == "__main__":
    main()
