"""Positions of a transmitter from the public POWDER outdoor RSS data, ours beside its peers.

    python -m benchmarks.real.powder PATH --json
    python -m benchmarks.real.powder TRAIN --test TEST --json     train on one file, test on another

PATH is a folder with samples_fixed_rx.csv(.gz) and receivers.csv, or the table with receivers.csv
beside it. Outdoor samples on campus. Splits: `blocks`, whole 200 m blocks are left out (five
folds); `random_leaking`, a fifth of the samples at random, whose neighbours seconds away are in the
training data; `tracks`, whole days are left out. Everything that is fitted (kernel, spread,
exponent, noise floors) is fitted on training samples only. Intervals: 95 %, bootstrap over the
test's 200 m blocks.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from benchmarks.real import data, peers
from benchmarks.real.rows import Errors, row

from rayfix.calibration.exponent import (
    HeldOut,
    calibrate_exponent,
    held_out_maps,
    posterior_on,
)
from rayfix.calibration.measured_map import (
    cell_priors,
    level_offsets,
    map_of,
    measured_noise,
    samples_of,
    scene_around,
    without_detection,
    without_offsets,
)
from rayfix.errors import RayFixError
from rayfix.measurement.drive_test import DriveTest
from rayfix.measurement.noise_floor import below_noise_floor, noise_floors
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.kriging import Kernel
from rayfix.radio_map.measured import (
    KNOTS_DB,
    Hearing,
    MeasuredModel,
    Samples,
    Spread,
    block_folds,
    fit_measured,
)
from rayfix.radio_map.radio_map import RadioMap
from rayfix.scene.cell import Cell
from rayfix.scene.scene import Scene

FOLDS = 5
SIMPLE_SPREAD_DB = 6.0
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


def main() -> None:
    """Parse options, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--test", type=Path, help="test on this file, train on the first")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--leave-one-track", action="store_true", help="also leave out whole days")
    parser.add_argument("--fold", type=int, help="only this fold of the blocks")
    parser.add_argument("--resolution", type=float, default=40.0, help="side of a pixel [m]")
    parser.add_argument("--jobs", type=int, default=2, help="folds at a time")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        rows = run(options)
    except RayFixError as error:
        sys.exit(f"powder: {error}")
    print(json.dumps(rows, indent=1) if options.json else table(rows))


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of every split and method."""
    powder = data.load(options.path)
    everything = powder.drive_test
    scene = scene_around("powder", "POWDER", everything, options.resolution)
    bench = Bench(scene, powder.cells(scene), options.resolution, options.seed)
    if options.test is not None:
        other = data.load(options.test).drive_test
        names = [cell.cell_id for cell in bench.cells]
        errors = bench.fold(everything, other.with_cells(names), full=True)
        return [row(method, "given", e, options.seed) for method, e in errors.items()]
    xy_m_N2 = samples_of(everything, scene).xy_m_N2
    random = np.random.default_rng(options.seed).permutation(len(everything)) % FOLDS
    folds: dict[str, list[npt.NDArray[np.bool_]]] = {
        "blocks": [
            block_folds(xy_m_N2, FOLDS, options.seed) == k
            for k in range(FOLDS)
            if options.fold in (None, k)
        ]
    }
    if options.fold is None:
        folds["random_leaking"] = [random == 0]
    if options.leave_one_track:
        folds["tracks"] = [everything.track_M == k for k in range(len(everything.tracks))]
    rows = []
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        started = {
            split: [
                pool.submit(bench.fold, everything[~out], everything[out], split == "blocks")
                for out in tests
            ]
            for split, tests in folds.items()
        }
        for split, futures in started.items():
            parts = []
            for number, future in enumerate(futures):
                parts.append(future.result())
                print(f"{split}: {number + 1} of {len(futures)} done", file=sys.stderr)
            for method in parts[0]:
                joined = Errors.join([part[method] for part in parts])
                rows.append(row(method, split, joined, options.seed))
    return rows


class Variant(NamedTuple):
    """Ours, or ours without a part of it."""

    name: str
    residual: bool = True
    detection: bool = True
    floor_is_level: bool = True
    offsets: bool = True
    correlation: bool = True


class Fitted(NamedTuple):
    """What variants with the same model share; drive tests without their trajectories' offsets."""

    train: DriveTest
    test: DriveTest
    model: MeasuredModel
    radio_map: RadioMap
    held_out: list[HeldOut]


VARIANTS = (
    Variant("ours"),
    Variant("ours, silence by detection map", floor_is_level=False),
    Variant("ours, silence not used", floor_is_level=False, detection=False),
    Variant("ours without kriged residual", residual=False),
    Variant("ours without trajectory offsets", offsets=False),
    Variant("ours with independent cells", correlation=False),
)
SIMPLE_KERNEL = Kernel(long_range_m=200.0, short_range_m=60.0, short_share=0.3, noise_share=0.3)


class Bench:
    """Everything that does not depend on the split."""

    def __init__(self, scene: Scene, cells: tuple[Cell, ...], resolution: float, seed: int) -> None:
        self.scene, self.cells, self.resolution, self.seed = scene, cells, resolution, seed
        self.site_m_C2 = np.array([(cell.x_m, cell.y_m) for cell in cells])

    def fold(self, train: DriveTest, test: DriveTest, full: bool) -> dict[str, Errors]:
        """Errors of every method; `full` adds the ablations and the log-distance map."""
        torch.set_num_threads(1)
        floor_KC = noise_floors(train)
        test = _same_tracks(test, train)
        train = below_noise_floor(train, data.NOISE_MARGIN_DB, floor_KC)
        test = below_noise_floor(test, data.NOISE_MARGIN_DB, floor_KC)
        seen, asked = samples_of(train, self.scene), samples_of(test, self.scene)
        fill_C = np.nan_to_num(np.nanmin(floor_KC, axis=0), nan=-95.0)
        errors = {
            name: Errors.of_points(found_T2, asked.xy_m_N2)
            for name, found_T2 in {
                "strongest site": peers.strongest_site(asked, self.site_m_C2),
                "cell centroid": peers.centroid(asked, self.site_m_C2, fill_C),
                "kNN": peers.nearest_neighbours(seen, asked, fill_C),
                "ExtraTrees": peers.extra_trees(seen, asked, fill_C),
            }.items()
        }
        errors |= self._simple("grid posterior, kriged", test, seen, asked, True)
        if full:
            errors |= self._simple("grid posterior, log-distance", test, seen, asked, False)
        errors |= self._ours(train, test, asked.xy_m_N2, VARIANTS if full else VARIANTS[:1])
        return errors

    def _simple(
        self, name: str, test: DriveTest, seen: Samples, asked: Samples, residual: bool
    ) -> dict[str, Errors]:
        """A map with one spread for everything, every reading a level, the posterior's mean."""
        wanted = replace(test, heard_R=np.ones_like(test.heard_R))
        seen = replace(seen, heard_NC=seen.listened_NC)
        flat = Spread(np.ones(len(self.cells)), np.ones(len(KNOTS_DB)))
        model = MeasuredModel(
            seen, cell_priors(self.cells), SIMPLE_KERNEL, seen.thresholds(), flat,
            Hearing(seen.thresholds()), with_residual=residual,
        )  # fmt: skip
        radio_map = map_of(model, self.scene, self.cells, self.resolution)
        stderr = radio_map.extra["path_gain_stderr"]
        widened = replace(
            without_detection(radio_map),
            extra={"path_gain_stderr": np.hypot(stderr, SIMPLE_SPREAD_DB).astype(np.float32)},
        )
        maps = MapTensors.from_radio_map(widened)
        posteriors = posterior_on(maps, wanted, measured_noise(1.0))
        return {name: Errors.of_posteriors(posteriors, asked.xy_m_N2, mean=True)}

    def _ours(
        self, train: DriveTest, test: DriveTest, truth_m_T2: Float64, variants: Sequence[Variant]
    ) -> dict[str, Errors]:
        errors = {}
        fitted: dict[tuple[bool, bool], Fitted] = {}
        for v in variants:
            if (v.residual, v.offsets) not in fitted:
                fitted[v.residual, v.offsets] = self._fit(train, test, v)
            f = fitted[v.residual, v.offsets]
            learnt, asked = f.train, f.test
            if v.floor_is_level:
                # Readings at the noise floor are levels too, not silence for the detection map.
                learnt, asked = (
                    replace(d, heard_R=np.ones_like(d.heard_R)) for d in (learnt, asked)
                )
            shown = f.radio_map if v.detection else without_detection(f.radio_map)
            held_out = f.held_out
            if not v.detection:
                held_out = [h._replace(radio_map=without_detection(h.radio_map)) for h in held_out]
            noise = measured_noise(correlation=f.model.correlation if v.correlation else None)
            exponent = calibrate_exponent(held_out, learnt, f.model.samples.xy_m_N2, noise)
            noise = noise.model_copy(update={"likelihood_exponent": exponent})
            posteriors = posterior_on(MapTensors.from_radio_map(shown), asked, noise)
            errors[v.name] = Errors.of_posteriors(posteriors, truth_m_T2)
        return errors

    def _fit(self, train: DriveTest, test: DriveTest, v: Variant) -> Fitted:
        offset_KC = level_offsets(train, self.scene, self.cells) * v.offsets
        learnt, asked = (without_offsets(d, offset_KC) for d in (train, test))
        model = fit_measured(
            samples_of(learnt, self.scene), cell_priors(self.cells), self.seed, v.residual
        )
        held_out = held_out_maps(model, self._map, self.seed)
        return Fitted(learnt, asked, model, self._map(model), held_out)

    def _map(self, model: MeasuredModel) -> RadioMap:
        return map_of(model, self.scene, self.cells, self.resolution)


def _same_tracks(test: DriveTest, train: DriveTest) -> DriveTest:
    """The test with the tracks of the training data; a day that it lacks takes the last one."""
    index = {name: k for k, name in enumerate(train.tracks)}
    renumber = np.array([index.get(name, len(index) - 1) for name in test.tracks], np.int64)
    return replace(test, track_M=renumber[test.track_M], tracks=train.tracks)


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = [
        "| split | method | median m | P90 m | inside 68 % | inside 95 % |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for r in rows:
        shares = ["-" if r[k] is None else f"{r[k]:.0%}" for k in ("inside_68", "inside_95")]
        cells = [
            f"{r[k]:.0f} ({r['intervals'][k][0]:.0f}-{r['intervals'][k][1]:.0f})"
            for k in ("median_m", "p90_m")
        ]
        lines.append(f"| {r['split']} | {r['method']} | {' | '.join([*cells, *shares])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
