"""Size of a stored radio map, seconds to load it into torch tensors, and what rounding costs.

    python benchmarks/map_store.py --json

Traces the cells of a scene (Munich's first 15 by default, 1 m pixels, few rays: noise compresses
worse, so this errs to the large side), stores the seven features and reports

    stored_mb           the map's folder: arrays, metadata, buildings, manifest
    load_s              median seconds from the folder to `MapTensors`, every file checked
    quantisation_db     greatest difference between path gain as traced and as stored

and the same with the arrays that go beyond the features, as builds write them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from provenance import command, machine

from rayfix.physics.maps import MapTensors
from rayfix.radio_map.parts import STORED_NAMES
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.relink import link_layers
from rayfix.radio_map.store import load_radio_map, save_radio_map
from rayfix.scene.catalogue import find_scene
from rayfix.scene.cell import load_cells
from rayfix.simulation.map_solver import SolverConfig, solve_map

ROOT = Path(__file__).parents[1]


def trace(options: argparse.Namespace) -> RadioMap:
    """The map in memory, not rounded."""
    found = find_scene(options.scene, options.radio_maps_dir)
    folder = options.radio_maps_dir / found.scene.name
    cells = load_cells(options.cells or folder / "cells.yaml")[: options.cell_count]
    x_m, y_m = found.scene.extent.pixel_centres(options.resolution)
    traced = solve_map(
        found.scene, cells, x_m, y_m,
        config=SolverConfig(rays_per_site=options.rays), folder=found.folder,
    )  # fmt: skip
    layers = {STORED_NAMES[name]: values for name, values in traced.arrays().items()}
    height = layers.pop("building_height")
    features = {name: layers.pop(name) for name in ("path_gain", "toa", "aoa")}
    return RadioMap(
        scene=found.scene,
        cells=cells,
        x_m=x_m,
        y_m=y_m,
        features=features | link_layers(features["path_gain"], cells),
        building_height_m=height,
        extra=layers,
    )


def store_and_load(radio_map: RadioMap, channels: Path, runs: int) -> dict[str, Any]:
    """Size, seconds to load and rounding of one map."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / radio_map.scene.name
        save_radio_map(folder, radio_map, channels)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        seconds = []
        for _ in range(runs):
            started = time.perf_counter()
            loaded = load_radio_map(folder)
            MapTensors.from_radio_map(loaded)
            seconds.append(time.perf_counter() - started)
    error = loaded.features["path_gain"] - radio_map.features["path_gain"]
    return {
        "stored_mb": round(size / 1e6, 2),
        "load_s": round(statistics.median(seconds), 3),
        "quantisation_db": round(float(np.nanmax(np.abs(error))), 4),
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Everything; the report as JSON values."""
    radio_map = trace(options)
    channels = options.radio_maps_dir / radio_map.scene.name
    plain = store_and_load(replace(radio_map, extra={}), channels, options.runs)
    full = store_and_load(radio_map, channels, options.runs)
    return {
        **plain,
        "with_extra_arrays": {**full, "arrays": sorted(radio_map.extra)},
        "scene": radio_map.scene.name,
        "cells": len(radio_map.cells),
        "pixels": [len(radio_map.y_m), len(radio_map.x_m)],
        "resolution_m": radio_map.resolution_m,
        "rays_per_site": options.rays,
        "runs": options.runs,
        "command": command(),
        "machine": machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scene", default="munich", help="built-in scene or folder")
    parser.add_argument("--cells", type=Path, help="site list; default: the map's cells.yaml")
    parser.add_argument("--cell-count", type=int, default=15, help="the first so many cells")
    parser.add_argument("--radio-maps-dir", type=Path, default=ROOT / "radio_maps")
    parser.add_argument("--resolution", type=float, default=1.0, help="side of a pixel [m]")
    parser.add_argument("--rays", type=int, default=500_000, help="rays per site")
    parser.add_argument("--runs", type=int, default=5, help="times the map is loaded")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    report = measure(options)
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        for name in ("stored_mb", "load_s", "quantisation_db"):
            print(f"{name:18} {report[name]}")


if __name__ == "__main__":
    main()
