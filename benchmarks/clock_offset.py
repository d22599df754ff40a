"""What an unknown clock costs the grid posterior, and what it costs to trust the clock wrongly.

    python benchmarks/clock_offset.py --sequences 200 --reports 1

Draws *standard* reports of the shipped test file with and without a clock offset that all one-way
times of arrival of a phone share, and locates them with the exact grid posterior (geometric
median) that expects the offset, or does not. Prints JSON: per case median, P67 and P90 of the error
[m] and seconds a fix.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from provenance import command, machine

from rayfix.measurement.conditions import Condition, load_conditions
from rayfix.measurement.dataset import Dataset, aligned_with
from rayfix.measurement.dataset_file import load_dataset
from rayfix.physics.likelihood_grid import LikelihoodGrid, likelihood_grid
from rayfix.physics.maps import MapTensors
from rayfix.physics.motion import sequence_posterior
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import observe
from rayfix.physics.report_features import ReportTensors
from rayfix.radio_map.store import load_radio_map

ROOT = Path(__file__).parents[1]
SEED = 7
BATCH = 10


def cases(standard: Condition, offset_ns: float, drift_ns_s: float) -> dict[str, tuple[Any, ...]]:
    """By name: the condition that is drawn, and the one whose errors are expected."""
    off = standard.model_copy(update={"clock_offset_ns": offset_ns})
    drift = off.model_copy(update={"clock_drift_ns_s": drift_ns_s})
    without = tuple(name for name in standard.quantities if name != "toa_ns")
    no_toa = standard.model_copy(update={"quantities": without})
    return {
        "no offset": (standard, standard),
        "no ToA": (no_toa, no_toa),
        "offset, expected": (off, off),
        "offset and drift, expected": (drift, off),
        "offset, not expected": (off, standard),
    }


def located(
    dataset: Dataset, drawn: Condition, expected: Condition, reports: int, maps: MapTensors,
    grid: LikelihoodGrid,
) -> dict[str, float]:  # fmt: skip
    """Errors and time of one case."""
    noise = NoiseModel.from_condition(expected)
    batch = dataset.draw(drawn, SEED, reports=reports)
    truth = torch.from_numpy(dataset.truth_xy_m_S2).float()
    began, errors = time.perf_counter(), []
    for start in range(0, len(dataset), BATCH):
        part = slice(start, start + BATCH)
        seen = observe(ReportTensors.from_batch(batch[part]), maps, noise)
        fix = sequence_posterior(seen, maps, noise, grid=grid).geometric_median()
        errors.append((fix - truth[part]).norm(dim=-1))
    seconds = (time.perf_counter() - began) / len(dataset)
    error_m = torch.cat(errors)
    median, p67, p90 = (error_m.quantile(q).item() for q in (0.5, 0.67, 0.9))
    return {"median_m": round(median, 2), "p67_m": round(p67, 2), "p90_m": round(p90, 2),
            "s_per_fix": round(seconds, 3)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", type=int, default=200, help="the first so many")
    parser.add_argument("--reports", type=int, default=1, help="of each sequence, the last ones")
    parser.add_argument("--offset", type=float, default=200.0, help="standard deviation [ns]")
    parser.add_argument("--drift", type=float, default=100.0, help="standard deviation [ns/s]")
    options = parser.parse_args()
    torch.set_num_threads(1)
    radio_map = load_radio_map(ROOT / "radio_maps/munich")
    maps = MapTensors.from_radio_map(radio_map)
    dataset = load_dataset(ROOT / "benchmarks/data/munich-test.zarr.zip")
    dataset = aligned_with(dataset, radio_map.cells, "munich")[: options.sequences]
    standard = load_conditions(ROOT / "configs/conditions.yaml").conditions["standard"]
    grid = likelihood_grid(maps)
    found = {
        name: located(dataset, drawn, expected, options.reports, maps, grid)
        for name, (drawn, expected) in cases(standard, options.offset, options.drift).items()
    }
    report = {
        "reports": options.reports, "sequences": len(dataset), "offset_ns": options.offset,
        "drift_ns_s": options.drift, "cases": found, "command": command(), "machine": machine(),
    }  # fmt: skip
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
