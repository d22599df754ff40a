"""How fast the map solver is beside Sionna RT's own ways to a radio map and to ToA and AoA.

    python benchmarks/map_solver.py --json

Both sides trace the same cells of the same scene on the same grid with the same number of rays per
cell, the same depth and diffraction, and with the scene loaded beforehand; passes alternate, after
one of each that does not count. Reported, from medians of seconds:

    ratio_to_gain_only          all features here / path gain alone with Sionna's `RadioMapSolver`
    ratio_one_cell_per_site     the same with one cell of each site only: see below
    speedup_over_receiver_grid  time per outdoor pixel of Sionna's `PathSolver` with receivers on a
                                grid / time per outdoor pixel here

Accounting. Sionna shoots `rays` from every cell. Here one shower of `rays` from a site serves all
its cells (superposition), so each cell's map comes from as many rays as Sionna's, but a site of
three sectors shoots them once: `rays_shot` tells both totals. `ratio_one_cell_per_site` takes that
advantage away (half as many runs). Both sides grow in proportion to the sites, so the first sites
stand for all; the rays are those that maps are built with. A pass here includes the heights of
buildings, the open share of each pixel and all features of each cell as arrays; Sionna's includes
the path gain as an array. `cpu_ratio_to_gain_only` compares seconds of processor time instead of
the clock, which other programs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from provenance import command, machine

from rayfix.scene.catalogue import find_scene
from rayfix.scene.cell import Cell, load_cells, sites_of
from rayfix.scene.scene import Scene
from rayfix.simulation.antenna import orientation_rad
from rayfix.simulation.map_solver import SolverConfig, solve_map
from rayfix.simulation.world import World

ROOT = Path(__file__).parents[1]


class Passes:
    """The passes that are timed, on one loaded scene."""

    def __init__(self, scene: Scene, folder: Path | None, options: argparse.Namespace) -> None:
        self.scene, self.options = scene, options
        self.world = World(scene, folder, carrier_hz=options.carrier_hz)
        self.x_m, self.y_m = scene.extent.pixel_centres(options.resolution)
        self.config = SolverConfig(
            max_depth=options.max_depth,
            diffraction=options.diffraction,
            rays_per_site=options.rays,
        )

    def features(self, cells: tuple[Cell, ...]) -> None:
        """All features here."""
        solve_map(
            self.scene, cells, self.x_m, self.y_m, config=self.config, world=self.world
        ).arrays()

    def gain_only(self, cells: tuple[Cell, ...]) -> None:
        """Path gain with Sionna RT's solver."""
        from sionna.rt import RadioMapSolver

        extent = self.scene.extent
        self._transmitters(cells)
        radio_map = RadioMapSolver()(
            self.world.sionna,
            center=[
                (extent.x_min_m + extent.x_max_m) / 2,
                (extent.y_min_m + extent.y_max_m) / 2,
                self.scene.ue_height_m,
            ],
            orientation=[0.0, 0.0, 0.0],
            size=[extent.x_max_m - extent.x_min_m, extent.y_max_m - extent.y_min_m],
            cell_size=[self.options.resolution] * 2,
            samples_per_tx=self.options.rays,
            **self._interactions(),
        )
        radio_map.path_gain.numpy()

    def receiver_grid(self, cells: tuple[Cell, ...], xy_m: np.ndarray) -> None:
        """Delays, angles and gains of all paths to receivers, with Sionna RT's path solver."""
        from sionna.rt import PathSolver, PlanarArray, Receiver

        sionna = self.world.sionna
        self._transmitters(cells)
        sionna.rx_array = PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
        for number, (x, y) in enumerate(xy_m):
            position = [float(x), float(y), self.scene.ue_height_m]
            sionna.add(Receiver(f"rx-{number}", position=position))
        paths = PathSolver()(sionna, samples_per_src=self.options.path_rays, **self._interactions())
        for value in (*paths.a, paths.tau, paths.phi_t):
            value.numpy()
        for number in range(len(xy_m)):
            sionna.remove(f"rx-{number}")

    def _interactions(self) -> dict[str, Any]:
        return {
            "max_depth": self.options.max_depth,
            "diffraction": self.options.diffraction,
            "refraction": False,
        }

    def _transmitters(self, cells: tuple[Cell, ...]) -> None:
        from sionna.rt import PlanarArray, Transmitter

        sionna = self.world.sionna
        for name in list(sionna.transmitters):
            sionna.remove(name)
        sionna.tx_array = PlanarArray(num_rows=1, num_cols=1, pattern="tr38901", polarization="V")
        for cell in cells:
            sionna.add(
                Transmitter(
                    cell.cell_id,
                    position=[cell.x_m, cell.y_m, cell.z_m],
                    orientation=list(orientation_rad(cell)),
                )
            )


def alternating(passes: dict[str, Callable[[], None]], runs: int) -> dict[str, list[float]]:
    """Seconds of each pass by the clock, and of processor time under `<name>_cpu`; `runs` of each
    in turn, after one of each that does not count."""
    seconds: dict[str, list[float]] = {
        name + suffix: [] for name in passes for suffix in ("", "_cpu")
    }
    for run in range(runs + 1):
        for name, one in passes.items():
            started, cpu = time.perf_counter(), time.process_time()
            one()
            if run:
                seconds[name].append(round(time.perf_counter() - started, 3))
                seconds[f"{name}_cpu"].append(round(time.process_time() - cpu, 3))
    return seconds


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Time everything; the report as JSON values."""
    found = find_scene(options.scene, options.radio_maps_dir)
    listed = load_cells(options.cells or options.radio_maps_dir / found.scene.name / "cells.yaml")
    chosen = [m for members in list(sites_of(listed).values())[: options.sites] for m in members]
    cells = tuple(listed[index] for index in sorted(chosen))
    options.carrier_hz = cells[0].carrier_hz
    passes = Passes(found.scene, found.folder, options)
    one_per_site = tuple(cells[members[0]] for members in sites_of(cells).values())
    seconds = alternating(
        {
            "features": lambda: passes.features(cells),
            "gain_only": lambda: passes.gain_only(cells),
        },
        options.runs,
    )
    seconds |= alternating(
        {
            "features_one_cell_per_site": lambda: passes.features(one_per_site),
            "gain_only_one_cell_per_site": lambda: passes.gain_only(one_per_site),
        },
        max(1, options.runs // 2),
    )
    xy_m = passes.world.outdoor_positions(options.receivers, seed=0)
    seconds |= alternating({"receiver_grid": lambda: passes.receiver_grid(cells, xy_m)}, 1)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    grid = np.meshgrid(passes.x_m, passes.y_m)
    outdoor = int((passes.world.building_height_m(*grid) <= 0).sum())
    shot = passes.config.replicates * passes.config.rays_per_replicate
    return {
        "ratio_to_gain_only": round(median["features"] / median["gain_only"], 3),
        "cpu_ratio_to_gain_only": round(median["features_cpu"] / median["gain_only_cpu"], 3),
        "ratio_one_cell_per_site": round(
            median["features_one_cell_per_site"] / median["gain_only_one_cell_per_site"], 3
        ),
        "speedup_over_receiver_grid": round(
            (median["receiver_grid"] / options.receivers) / (median["features"] / outdoor), 1
        ),
        "median_s": median,
        "seconds": seconds,
        "scene": found.scene.name,
        "cells": len(cells),
        "sites": len(one_per_site),
        "resolution_m": options.resolution,
        "pixels": grid[0].size,
        "outdoor_pixels": outdoor,
        "max_depth": options.max_depth,
        "diffraction": options.diffraction,
        "rays_per_cell": options.rays,
        "rays_shot": {
            "features": shot * len(one_per_site),
            "gain_only": options.rays * len(cells),
            "receiver_grid": options.path_rays * len(cells),
        },
        "receivers": options.receivers,
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
    parser.add_argument("--radio-maps-dir", type=Path, default=ROOT / "radio_maps")
    parser.add_argument("--resolution", type=float, default=1.0, help="side of a pixel [m]")
    parser.add_argument("--rays", type=int, default=8_000_000, help="rays per cell")
    parser.add_argument("--sites", type=int, default=1, help="the first so many sites")
    parser.add_argument("--max-depth", type=int, default=5)
    parser.add_argument("--diffraction", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--runs", type=int, default=5, help="passes of each kind")
    parser.add_argument("--receivers", type=int, default=100, help="of the path solver")
    parser.add_argument("--path-rays", type=int, default=200_000, help="of the path solver")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    report = measure(options)
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        for name in ("ratio_to_gain_only", "ratio_one_cell_per_site", "speedup_over_receiver_grid"):
            print(f"{name:28} {report[name]}")


if __name__ == "__main__":
    main()
