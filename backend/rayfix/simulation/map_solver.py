"""Radio maps of a scene: every propagation feature of every cell from one shower of rays per site.

Sionna RT's `RadioMapSolver` gives path gain only, and traces each sector on its own. Here one
shower per *site* serves all its sectors (see `shower`), and each crossing of a pixel yields gain,
delay and departure at once. Reflections come from the shower; the line of sight and single
diffractions are few and known in closed form, so they are evaluated at the pixel's centre, without
Monte Carlo noise. Detectable cells and paths are those of `detection`, as for exact paths.

The shower is cast in independent replicates: their mean is the map, their scatter its standard
error. Sums are kept per pixel (see `features`), so memory grows with neither rays nor sites.

Shape letters: C cells, H rows, W columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rayfix.errors import InvalidInputError
from rayfix.scene.cell import Cell, sites_of
from rayfix.scene.detection import least_path_gain_db
from rayfix.scene.scene import Scene
from rayfix.simulation.features import FeatureSums
from rayfix.simulation.path_list import PathKind, PathList
from rayfix.simulation.pixel_grid import PixelGrid
from rayfix.simulation.world import World
from rayfix.units import SPEED_OF_LIGHT_M_S, db_to_linear

FloatArray = npt.NDArray[np.float32]

DROPPED_BELOW_DB = 30.0
"""Rays this far below the weakest detectable cell are not followed."""
LEAST_REPLICATES = 8
"""A shower is split into at least this many independent replicates."""
TARGET_PERCENTILE = 90.0
"""`target_db` holds at this share of a site's (cell, pixel) pairs [%]."""
MOST_RAYS_PER_SITE = 256_000_000
"""`target_db` asks for no more rays than this."""


@dataclass(frozen=True)
class SolverConfig:
    """How radio maps are traced.

    Attributes:
        max_depth: reflections (with refraction: interactions) of a path at most.
        diffraction: whether first-order diffracted paths count.
        refraction: whether rays also pass through walls (slabs of ITU-R P.2040).
        scattering_coefficient: share of the reflected field's amplitude that surfaces scatter
            diffusely, 0 to 1; 0 is a smooth world.
        rays_per_site: rays of a site's shower; with `target_db`, of the pilot that decides.
        rays_per_batch: rays in memory at a time (about 0.5 GB per million).
        target_db: wanted standard error of path gain [dB]; rays are added until it holds at 90 %
            of a site's (cell, pixel) pairs. None: `rays_per_site` rays, whatever the error.
    """

    max_depth: int = 5
    diffraction: bool = True
    refraction: bool = False
    scattering_coefficient: float = 0.0
    rays_per_site: int = 8_000_000
    rays_per_batch: int = 1_000_000
    target_db: float | None = None

    def __post_init__(self) -> None:
        if self.max_depth < 0:
            raise InvalidInputError("max_depth", "0 or more is expected")
        if self.rays_per_batch < 1 or self.rays_per_site < LEAST_REPLICATES:
            raise InvalidInputError("rays_per_site", f"at least {LEAST_REPLICATES} are expected")
        if not 0.0 <= self.scattering_coefficient <= 1.0:
            raise InvalidInputError("scattering_coefficient", "0 to 1 is expected")
        if self.target_db is not None and not 0.0 < self.target_db < math.inf:
            raise InvalidInputError("target_db", "a positive number of dB is expected")

    @property
    def replicates(self) -> int:
        """Independent replicates of `rays_per_site`."""
        return max(LEAST_REPLICATES, math.ceil(self.rays_per_site / self.rays_per_batch))

    @property
    def rays_per_replicate(self) -> int:
        """Rays of one replicate."""
        return math.ceil(self.rays_per_site / self.replicates)


@dataclass(frozen=True)
class PropagationMap:
    """Propagation features per cell and pixel, float32 [C, H, W]; NaN where the cell is not
    detectable and indoors. Definitions are those of `exact_paths.PathFeatures`."""

    path_gain_db: FloatArray
    toa_ns: FloatArray
    aoa_deg: FloatArray
    path_gain_stderr_db: FloatArray
    """Monte Carlo standard error of the path gain [dB]: that of the reflected power, relative to
    the whole. Line of sight and diffraction have none."""
    toa_mean_ns: FloatArray
    """Power-weighted mean of the delays [ns]."""
    delay_spread_ns: FloatArray
    """Power-weighted standard deviation of the delays [ns] (TR 38.901, 7.7.3)."""
    aoa_spread_deg: FloatArray
    """Circular standard deviation of the bearings toward the paths [deg] (TR 38.901, annex A)."""
    los: FloatArray
    """1 where the direct path to the pixel's centre is free, 0 where it is not."""
    building_height_m: FloatArray
    """Height of what covers the pixel's centre [m], 0 outdoors, [H, W]."""
    rays_per_site: tuple[int, ...]
    """Rays cast from each site, in the order of `sites_of`."""

    def arrays(self) -> dict[str, FloatArray]:
        """All arrays by name."""
        return {name: getattr(self, name) for name in (*_PER_CELL, "building_height_m")}


_PER_CELL = tuple(
    field.name
    for field in fields(PropagationMap)
    if field.name not in ("building_height_m", "rays_per_site")
)


def solve_map(
    scene: Scene,
    cells: Sequence[Cell],
    x_m: npt.NDArray[np.float64],
    y_m: npt.NDArray[np.float64],
    *,
    config: SolverConfig | None = None,
    seed: int = 0,
    folder: Path | None = None,
    world: World | None = None,
    progress: Callable[[float], None] | None = None,
) -> PropagationMap:
    """Trace the cells of a scene on a grid of square pixels.

    Args:
        x_m, y_m: pixel centres, ascending and equally spaced [m], shapes [W] and [H].
        seed: of the rays; the same seed gives the same map.
        folder: folder of `scene.json`, needed when the geometry is a file.
        world: the scene as loaded before, with the carrier and the materials to trace with; loaded
            from scene and folder unless given.
        progress: receives the share done, 0 to 1.
    Raises:
        InvalidInputError: no cells, or cells of different carriers.
        RayTracingUnavailableError, ArtefactError, UnknownSceneError: see `World`.
    """
    config = config or SolverConfig()
    if len({cell.carrier_hz for cell in cells}) != 1:
        raise InvalidInputError("cells", "at least one cell, and one carrier, are expected")
    world = world or World(
        scene,
        folder,
        carrier_hz=cells[0].carrier_hz,
        scattering_coefficient=config.scattering_coefficient or None,
    )
    grid = PixelGrid.of(world, x_m, y_m)
    found = {name: np.full((len(cells), grid.size), np.nan, np.float32) for name in _PER_CELL}
    rays: list[int] = []
    sites = sites_of(cells)
    for number, (site, members) in enumerate(sites.items()):

        def report(share: float, done: int = number) -> None:
            if progress:
                progress((done + share) / len(sites))

        traced = _trace_site(world, site, [cells[m] for m in members], grid, config, seed, report)
        rays.append(traced[0].replicates * config.rays_per_replicate)
        for index, sums in zip(members, traced, strict=True):
            _write(found, index, sums, grid)
    shape = grid.building_height_m.shape
    grids = {name: values.reshape(len(cells), *shape) for name, values in found.items()}
    return PropagationMap(
        **grids, building_height_m=grid.building_height_m, rays_per_site=tuple(rays)
    )


def _trace_site(
    world: World,
    site: tuple[float, float, float],
    cells: Sequence[Cell],
    grid: PixelGrid,
    config: SolverConfig,
    seed: int,
    report: Callable[[float], None],
) -> list[FeatureSums]:
    """Trace one site; the sums of each of its cells over the pixels."""
    from rayfix.simulation.shower import Interactions, cast_shower

    traced = [FeatureSums(cell, grid.size) for cell in cells]
    for paths in closed_form_paths(world, site, grid, diffraction=config.diffraction):
        for sums in traced:
            sums.add(paths)
    report(0.2)
    least = float(db_to_linear(least_path_gain_db(cells).min() - DROPPED_BELOW_DB))
    wanted, done = config.replicates, 0
    while done < wanted:
        paths, share = cast_shower(
            world, site, grid, count=config.rays_per_replicate, seed=(seed, done),
            max_depth=config.max_depth, least_gain=least,
            interactions=Interactions(config.refraction, config.scattering_coefficient > 0),
        )  # fmt: skip
        for sums in traced:
            sums.add_replicate(paths, share)
        done += 1
        if done == config.replicates and config.target_db is not None:
            wanted = _replicates_for(config, traced, grid)
        report(0.2 + 0.8 * done / wanted)
    return traced


def _replicates_for(config: SolverConfig, traced: list[FeatureSums], grid: PixelGrid) -> int:
    """Replicates that bring the standard error down to the target.

    The error of the mean of independent replicates falls with the square root of their number,
    so it is enough to scale the pilot's.
    """
    assert config.target_db is not None
    errors = []
    for sums in traced:
        values, heard, _ = sums.values()
        errors.append(values["path_gain_stderr_db"][grid.outdoor][heard[grid.outdoor]])
    everywhere = np.concatenate(errors)
    if not len(everywhere):
        return config.replicates
    error = float(np.percentile(everywhere, TARGET_PERCENTILE))
    wanted = math.ceil(config.replicates * (error / config.target_db) ** 2)
    most = max(MOST_RAYS_PER_SITE // config.rays_per_replicate, config.replicates)
    return min(max(wanted, config.replicates), most)


def closed_form_paths(
    world: World, site: tuple[float, float, float], grid: PixelGrid, *, diffraction: bool
) -> list[PathList]:
    """Line-of-sight paths to the centres of the outdoor pixels, and single diffractions."""
    import mitsuba as mi

    from rayfix.simulation.edges import diffracted_paths, edges_seen

    outdoor = grid.outdoor
    centres = grid.centres(outdoor)
    exact = [direct_paths(world, site, centres)]
    if diffraction:
        position = mi.Point3f(*([value] for value in site))
        seen = edges_seen(world, world.edges, position)
        exact.append(diffracted_paths(world, seen, position, mi.Point3f(centres.T)))
    return [paths.at(outdoor[paths.receiver]) for paths in exact]


def direct_paths(
    world: World, site: tuple[float, float, float], receivers: npt.NDArray[np.float64]
) -> PathList:
    """Free lines of sight to receivers [N, 3], in closed form (ITU-R P.525)."""
    import mitsuba as mi
    from sionna.rt.utils import spawn_ray_to

    ray = spawn_ray_to(mi.Point3f(*([value] for value in site)), mi.Point3f(receivers.T))
    free = np.flatnonzero(~world.sionna.mi_scene.ray_test(ray).numpy())
    way = receivers[free] - np.array(site)
    distance = np.linalg.norm(way, axis=1)
    amplitude = world.wavelength_m / (4.0 * math.pi * distance)
    response = amplitude[:, None, None] * np.eye(2)
    direction = (way / distance[:, None]).astype(np.float32)
    return PathList(
        free.astype(np.int64),
        distance / SPEED_OF_LIGHT_M_S,
        direction,
        -direction,
        response.astype(np.complex64),
        np.full(len(free), PathKind.LINE_OF_SIGHT, np.uint8),
    )


def _write(found: dict[str, FloatArray], index: int, sums: FeatureSums, grid: PixelGrid) -> None:
    """Write the features of one cell where it is detectable."""
    values, detectable, free = sums.values()
    heard = np.zeros(grid.size, bool)
    heard[grid.outdoor] = detectable[grid.outdoor]
    values["los"] = free.astype(float)
    values["delay_spread_ns"] = values["rms_delay_spread_ns"]
    for name, array in found.items():
        array[index, heard] = values[name][heard]
