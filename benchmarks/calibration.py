"""Accuracy that a drive test gives back: located on nominal, calibrated and true maps of Munich.

    python benchmarks/calibration.py --json

In every hidden world (`calibration_worlds`) bearings are 5 to 10 deg off, tilts 2 deg, powers 3 dB,
heights 2 m, and the materials are others. Reports of exact paths at places that no calibration has
seen are located by the grid posterior on three maps: that of the site list, that of `rayfix
calibrate` with 10, 50 or 200 fixes, and that of a perfect site list. `recovered` is the share of
the error between the first and the last that calibration takes away.

What takes long is kept in `data/calibration/`: about two minutes for each world and calibration.
"""

from __future__ import annotations

import argparse
import json
import pickle
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from calibration_worlds import (
    CACHE,
    SCENE,
    HiddenWorld,
    hidden_world,
    load_traced,
    nominal_map,
    trace_map,
    traced_drive,
)
from provenance import command, machine

from rayfix.calibration.calibrate import Calibration, calibrate_map, calibrate_traced
from rayfix.calibration.corrections import Corrections
from rayfix.calibration.traced_model import TracedModel
from rayfix.measurement.conditions import Condition, load_conditions
from rayfix.measurement.impairments import draw_reports
from rayfix.physics.likelihood_grid import likelihood_grid
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import observe
from rayfix.physics.posterior import grid_posterior
from rayfix.physics.report_features import ReportTensors
from rayfix.radio_map.radio_map import RadioMap
from rayfix.scene.cell import Cell

WORLDS = (1, 2)
FIXES = (10, 50, 200)
BOOTSTRAPS = 1000
TEST_SEED = 515_000
RESULTS = Path("benchmarks/results/calibration.json")

Float64 = npt.NDArray[np.float64]


def conditions() -> dict[str, Condition]:
    """What is measured at the test places: errors of the shipped conditions, and RSRP alone."""
    shipped = load_conditions().conditions
    rsrp = shipped["standard"].model_copy(update={"quantities": ("rsrp_dbm",)})
    return {"standard": shipped["standard"], "hard": shipped["hard"], "rsrp": rsrp}


def calibrated(world: HiddenWorld, fixes: int, seed: int, traced: bool) -> Calibration:
    """The calibration of a world from some of its calibration places, from the cache if there."""
    kind = "traced" if traced else "map"
    path = CACHE / f"world-{world.seed}" / f"{kind}-{fixes}-{seed}.pickle"
    if path.exists():
        stored: Calibration = pickle.loads(path.read_bytes())
        return stored
    random = np.random.default_rng([world.seed, fixes, seed])
    chosen = random.permutation(len(world.calibration))[:fixes]
    condition = load_conditions().conditions["standard"]
    reports = draw_reports(world.calibration[chosen], world.cells, condition, 7000 + seed)
    xy_m_N2 = world.calibration.xy_m_BT2[chosen, 0]
    noise = NoiseModel.from_condition(condition)
    nominal = nominal_map()

    def retrace(cells: tuple[Cell, ...], model: TracedModel, corrections: Corrections) -> RadioMap:
        from rayfix.simulation.materials import set_materials
        from rayfix.simulation.world import World

        again = World(nominal.scene, SCENE, carrier_hz=cells[0].carrier_hz)
        set_materials(again, model.materials(corrections))
        file = path.with_suffix(".npz")
        trace_map(nominal.scene, cells, again, file)
        return load_traced(file, cells)

    if traced:
        drive = traced_drive(world).at(chosen)
        found = calibrate_traced(nominal, xy_m_N2, reports, drive, retrace, noise=noise)
    else:
        found = calibrate_map(nominal, xy_m_N2, reports, noise=noise)
    path.write_bytes(pickle.dumps(found))
    print(f"world {world.seed}: {kind}, {fixes} fixes, seed {seed}", file=sys.stderr, flush=True)
    return found


def errors_m(world: HiddenWorld, radio_map: RadioMap, condition: Condition) -> Float64:
    """Distance from truth of every test place [m], [N]; NaN where nothing is heard."""
    maps = MapTensors.from_radio_map(radio_map)
    grid = likelihood_grid(maps)
    noise = NoiseModel.from_condition(condition)
    batch = draw_reports(world.test, world.cells, condition, TEST_SEED)
    error_m = np.full(len(batch), np.nan)
    heard = np.flatnonzero((batch.cell_BTN >= 0).any(axis=(1, 2)))
    for start in range(0, len(heard), 64):
        part = heard[start : start + 64]
        observation = observe(ReportTensors.from_batch(batch[part]), maps, noise)
        place, _ = grid_posterior(observation, maps, noise, grid=grid).local_mean()
        truth = world.test.xy_m_BT2[part, 0]
        error_m[part] = np.linalg.norm(place.numpy() - truth, axis=1)
    return error_m


def statistics(error_m: Float64) -> dict[str, float]:
    """Median and P90 [m] over all that is heard."""
    known = error_m[np.isfinite(error_m)]
    return {"median_m": float(np.median(known)), "p90_m": float(np.percentile(known, 90))}


def rows_of(condition: str, errors: dict[str, Float64]) -> list[dict[str, Any]]:
    """Rows of one condition: each map's error, and what it recovers with a 95 % interval.

    Args:
        errors: by name of the map, of the places of all worlds [N].
    """
    random = np.random.default_rng(1)
    places = len(errors["true"])
    samples = [random.integers(places, size=places) for _ in range(BOOTSTRAPS)]
    rows = []
    for name, error_m in errors.items():
        row: dict[str, Any] = {"condition": condition, "map": name, **statistics(error_m)}
        for key in ("median_m", "p90_m"):
            if name in ("nominal", "true"):
                continue

            def share(chosen: Any, key: str = key, error_m: Float64 = error_m) -> float:
                nominal, true, here = (
                    statistics(e[chosen])[key] for e in (errors["nominal"], errors["true"], error_m)
                )
                return (nominal - here) / (nominal - true)

            spread = [share(chosen) for chosen in samples]
            row[f"recovered_{key.removesuffix('_m')}"] = round(share(slice(None)), 3)
            low, high = np.percentile(spread, [2.5, 97.5])
            row[f"recovered_{key.removesuffix('_m')}_95"] = [round(low, 3), round(high, 3)]
        row |= {key: round(row[key], 2) for key in ("median_m", "p90_m")}
        rows.append(row)
    return rows


def errors_on(world: HiddenWorld, which: str) -> dict[str, Float64]:
    """`errors_m` by condition on one map of a world, from the cache if there.

    Args:
        which: nominal, true, or the kind of calibration and its number of fixes ("traced_50").
    """
    path = CACHE / f"world-{world.seed}" / f"errors-{which}.npz"
    if not path.exists():
        if which == "nominal":
            radio_map = nominal_map()
        elif which == "true":
            radio_map = world.true_map
        else:
            mode, fixes = which.split("_")
            radio_map = calibrated(world, int(fixes), 0, mode == "traced").radio_map
        found = {name: errors_m(world, radio_map, one) for name, one in conditions().items()}
        np.savez(path, **found)  # type: ignore[arg-type]
    with np.load(path) as stored:
        return {name: stored[name] for name in conditions()}


def run(worlds: tuple[int, ...], modes: tuple[str, ...]) -> list[dict[str, Any]]:
    """All rows; the errors of all worlds are pooled."""
    names = ["nominal", "true", *(f"{mode}_{fixes}" for mode in modes for fixes in FIXES)]
    pooled: dict[str, list[dict[str, Float64]]] = {name: [] for name in names}
    for seed in worlds:
        world = hidden_world(seed)
        for name in names:
            pooled[name].append(errors_on(world, name))
    return [
        row
        for condition in conditions()
        for row in rows_of(
            condition,
            {
                name: np.concatenate([one[condition] for one in found])
                for name, found in pooled.items()
            },
        )
    ]


def main() -> None:
    """Print a table or JSON, and keep the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--worlds", type=int, nargs="+", default=list(WORLDS))
    parser.add_argument("--modes", nargs="+", default=["map", "traced"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = run(tuple(options.worlds), tuple(options.modes))
    document = {
        "command": command(),
        "machine": machine(),
        "date": datetime.now(UTC).date().isoformat(),
        "worlds": options.worlds,
        "rows": rows,
    }
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if options.json:
        print(json.dumps(document, indent=1))
        return
    for row in rows:
        print("  ".join(f"{key}={value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
