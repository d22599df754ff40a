"""Path gain of our map solver against Sionna RT's `RadioMapSolver`, scene by scene.

    python benchmarks/map_validation.py --json [--output benchmarks/results/map_validation.json]

Like is compared with like: one TR 38.901 sector, the same depth, and the mean of the path gain over
each pixel, contribution by contribution.

- *Reflections* are Monte Carlo estimates on both sides. Sionna RT's rays are a fixed Fibonacci
  lattice that no seed changes for specular paths, so its error is taken from lattices of different
  sizes. The normalised difference (ours - theirs) / sqrt(error_ours^2 + error_theirs^2), with our
  *stated* standard error, must have mean 0 and standard deviation 1.
- *Stated standard error*: root mean square of what our solver states, against the scatter of its
  results over seeds; the ratio must be 1.
- *Line of sight* is evaluated at the pixel's centre by us and averaged over the pixel by Sionna RT:
  their difference in dB, over pixels that are in sight throughout.

Only pixels that lie wholly outdoors count (rays never reach the rest), and only those where both
standard errors are below 30 %: a ratio of few counts is not normally distributed.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from provenance import command, machine
from scipy import ndimage

from rayfix.files import write_text_whole
from rayfix.scene.cell import Cell
from rayfix.scene.scene import Extent, Scene
from rayfix.simulation.antenna import orientation_rad
from rayfix.simulation.features import DB_PER_NEPER, FeatureSums
from rayfix.simulation.map_solver import LEAST_REPLICATES, direct_paths
from rayfix.simulation.pixel_grid import PixelGrid
from rayfix.simulation.world import World

Float64 = npt.NDArray[np.float64]

MAX_DEPTH = 3
LARGEST_ERROR = 0.3
"""Pixels whose relative standard error is larger are left out."""
EIGHT_NEIGHBOURS = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Case:
    """Where one scene is compared."""

    geometry: str
    site_m: tuple[float, float, float]
    bearing_deg: float
    side_m: float
    pixel_m: float
    ue_height_m: float = 1.5


CASES = (
    Case("munich", (116.0, 84.0, 22.4), 140.0, 160.0, 4.0),
    Case("etoile", (-30.0, 10.0, 30.0), 140.0, 160.0, 4.0),
    Case("florence", (-24.0, 40.0, 30.0), 180.0, 160.0, 4.0),
    Case("simple_street_canyon", (-32.0, 3.0, 24.0), 90.0, 80.0, 2.0),
    Case("simple_street_canyon_with_cars", (-32.0, 3.0, 24.0), 90.0, 80.0, 2.0),
    Case("floor_wall", (-1.0, 0.5, 2.0), 90.0, 4.0, 0.1, 0.5),
)


class Comparison:
    """Both solvers on one case."""

    def __init__(self, case: Case, rays: int) -> None:
        x, y, z = case.site_m
        centre = (0.0, 0.0) if case.side_m < 100 else (x, y)
        half = case.side_m / 2
        extent = Extent(
            x_min_m=centre[0] - half, x_max_m=centre[0] + half,
            y_min_m=centre[1] - half, y_max_m=centre[1] + half,
        )  # fmt: skip
        self.scene = Scene(
            name="validation", title=case.geometry, geometry=f"builtin:{case.geometry}",
            origin_lat_deg=0.0, origin_lon_deg=0.0, extent=extent, ue_height_m=case.ue_height_m,
        )  # fmt: skip
        self.case, self.centre, self.rays = case, centre, rays
        self.cell = Cell(
            cell_id="a", site_id="a", x_m=x, y_m=y, z_m=z, bearing_deg=case.bearing_deg,
            downtilt_deg=8.0,
        )  # fmt: skip
        self.world = World(self.scene)
        self.grid = PixelGrid.of(self.world, *extent.pixel_centres(case.pixel_m))
        shape = self.grid.building_height_m.shape
        whole = (self.grid.open_share == 1.0).reshape(shape)
        whole &= self.grid.building_height_m <= 0.0
        self.shape, self.whole = shape, whole

    def ours(self, seed: int) -> tuple[Float64, Float64]:
        """Mean path gain of the reflections and its stated standard error, linear, [H, W]."""
        from rayfix.simulation.shower import Interactions, cast_shower

        sums = FeatureSums(self.cell, self.grid.size)
        for replicate in range(LEAST_REPLICATES):
            sums.add_replicate(
                *cast_shower(
                    self.world, self.case.site_m, self.grid, count=self.rays // LEAST_REPLICATES,
                    seed=(seed, replicate), max_depth=MAX_DEPTH, least_gain=0.0,
                    interactions=Interactions(),
                )
            )  # fmt: skip
        values, _, _ = sums.values()
        power = np.exp(values["path_gain_db"] / DB_PER_NEPER)
        error = np.nan_to_num(power * values["path_gain_stderr_db"] / DB_PER_NEPER)
        return power.reshape(self.shape), error.reshape(self.shape)

    def ours_in_sight(self) -> Float64:
        """Path gain of the line of sight at the pixels' centres, linear, [H, W]."""
        centres = self.grid.centres(np.arange(self.grid.size))
        sums = FeatureSums(self.cell, self.grid.size)
        sums.add(direct_paths(self.world, self.case.site_m, centres))
        return np.exp(sums.values()[0]["path_gain_db"] / DB_PER_NEPER).reshape(self.shape)

    def theirs(self, rays: int, *, line_of_sight: bool) -> Float64:
        """Sionna RT's path gain of one contribution, linear, [H, W]."""
        import mitsuba as mi
        from sionna.rt import PlanarArray, RadioMapSolver, Transmitter

        scene = self.world.sionna
        scene.tx_array = PlanarArray(num_rows=1, num_cols=1, pattern="tr38901", polarization="V")
        scene.add(
            Transmitter(
                "tx",
                position=mi.Point3f(*self.case.site_m),
                orientation=mi.Point3f(*orientation_rad(self.cell)),
            )
        )
        found = RadioMapSolver()(
            scene, center=mi.Point3f(*self.centre, self.case.ue_height_m),
            orientation=mi.Point3f(0), size=mi.Point2f(self.case.side_m),
            cell_size=mi.Point2f(self.case.pixel_m), samples_per_tx=rays,
            max_depth=0 if line_of_sight else MAX_DEPTH, los=line_of_sight,
            specular_reflection=not line_of_sight, diffraction=False, refraction=False,
        ).path_gain.numpy()[0]  # fmt: skip
        scene.remove("tx")
        return np.asarray(found, np.float64)


def compare(case: Case, rays: int, seeds: int, lattices: int) -> dict[str, Any]:
    """All figures of one case."""
    comparison = Comparison(case, rays)
    runs = [comparison.ours(seed) for seed in range(seeds)]
    power, error = runs[0]
    sizes = [rays + 7919 * number for number in range(lattices)]
    theirs = np.stack([comparison.theirs(size, line_of_sight=False) for size in sizes])
    their_error = theirs.std(axis=0, ddof=1) / np.sqrt(lattices)
    their_power = theirs.mean(axis=0)
    used = comparison.whole & (power > 0) & (their_power > 0)
    used &= (error < LARGEST_ERROR * power) & (their_error < LARGEST_ERROR * their_power)
    used &= error + their_error > 0
    normalised = (power - their_power)[used] / np.hypot(error, their_error)[used]
    scatter = np.stack([run[0] for run in runs]).var(axis=0, ddof=1)
    stated = np.mean([run[1] ** 2 for run in runs], axis=0)
    in_sight, their_sight = (
        comparison.ours_in_sight(),
        comparison.theirs(4 * rays, line_of_sight=True),
    )
    # A pixel all of whose neighbours are in sight is in sight itself, border included.
    lit = ndimage.binary_erosion(in_sight > 0, EIGHT_NEIGHBOURS) & comparison.whole
    lit &= their_sight > 0
    sight_db = 10.0 * np.log10(in_sight[lit] / their_sight[lit])
    gain_db = 10.0 * np.log10(power[used] / their_power[used])
    return {
        "scene": case.geometry,
        "pixels": int(used.sum()),
        "normalised_mean": round(float(normalised.mean()), 3),
        "normalised_standard_deviation": round(float(normalised.std(ddof=1)), 3),
        "median_difference_db": round(float(np.median(gain_db)), 3),
        "median_absolute_difference_db": round(float(np.median(np.abs(gain_db))), 3),
        "seeds_over_stated_error": round(
            float(
                np.sqrt(
                    (scatter[used] / power[used] ** 2).mean()
                    / (stated[used] / power[used] ** 2).mean()
                )
            ),
            3,
        ),
        "in_sight_pixels": int(lit.sum()),
        "in_sight_median_difference_db": round(float(np.median(sight_db)), 3)
        if lit.any()
        else None,
    }


def main() -> None:
    """Compare all cases and print them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--output", type=Path, help="also write the JSON there")
    parser.add_argument("--scene", action="append", help="only this scene; may be repeated")
    parser.add_argument("--rays", type=int, default=1_000_000, help="rays of one run")
    parser.add_argument("--seeds", type=int, default=6, help="runs of our solver")
    parser.add_argument("--lattices", type=int, default=8, help="runs of Sionna RT's solver")
    options = parser.parse_args()
    cases = [case for case in CASES if not options.scene or case.geometry in options.scene]
    rows = []
    for case in cases:
        rows.append(compare(case, options.rays, options.seeds, options.lattices))
        print(json.dumps(rows[-1]), file=sys.stderr)
    report = {
        "command": command(),
        "machine": machine(),
        "rays": options.rays, "max_depth": MAX_DEPTH, "seeds": options.seeds,
        "lattices": options.lattices,
        "scenes": rows,
    }  # fmt: skip
    if options.output:
        write_text_whole(options.output, json.dumps(report, indent=1) + "\n")
    if options.json:
        print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
