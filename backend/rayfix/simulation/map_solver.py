"""Radio maps of a scene: every propagation feature of every cell from one shower of rays per site.

Sionna RT's `RadioMapSolver` gives path gain only, and traces each sector on its own. Here one
shower per *site* serves all its sectors (see `shower`), and each crossing of a pixel yields gain,
delay and departure at once. Reflections come from the shower; the line of sight and single
diffractions are few and known in closed form, so they are evaluated at the pixel's centre, without
Monte Carlo noise. Detectable cells and paths are those of `detection`, as for exact paths.

Shape letters: C cells, H rows, W columns, P crossings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rayfix.errors import InvalidInputError
from rayfix.scene.cell import Cell, sites_of
from rayfix.scene.detection import least_path_gain_db
from rayfix.scene.scene import Scene
from rayfix.simulation.exact_paths import cell_features
from rayfix.simulation.path_list import PathKind, PathList
from rayfix.simulation.world import World
from rayfix.units import SPEED_OF_LIGHT_M_S, db_to_linear

FloatArray = npt.NDArray[np.float32]

OUTDOOR_SAMPLES = 4
"""The outdoor share of a pixel is found from this many times this many points of it."""
DROPPED_BELOW_DB = 30.0
"""Rays this far below the weakest detectable cell are not followed."""


@dataclass(frozen=True)
class SolverConfig:
    """How radio maps are traced.

    Attributes:
        max_depth: reflections of a path at most.
        diffraction: whether first-order diffracted paths count.
        rays_per_site: rays of a site's shower.
        rays_per_batch: rays in memory at a time (about 0.5 GB per million).
    """

    max_depth: int = 5
    diffraction: bool = True
    rays_per_site: int = 8_000_000
    rays_per_batch: int = 1_000_000

    def __post_init__(self) -> None:
        if self.max_depth < 0:
            raise InvalidInputError("max_depth", "0 or more is expected")
        if self.rays_per_batch < 1 or self.rays_per_site < 1:
            raise InvalidInputError("rays_per_site", "at least one ray is expected")


@dataclass(frozen=True)
class PropagationMap:
    """Propagation features per cell and pixel, float32 [C, H, W]; NaN where the cell is not
    detectable and indoors. Definitions are those of `exact_paths.PathFeatures`."""

    path_gain_db: FloatArray
    toa_ns: FloatArray
    aoa_deg: FloatArray
    delay_spread_ns: FloatArray
    """Power-weighted standard deviation of the delays [ns] (TR 38.901, 7.7.3)."""
    los: FloatArray
    """1 where the direct path to the pixel's centre is free, 0 where it is not."""
    building_height_m: FloatArray
    """Height of what covers the pixel's centre [m], 0 outdoors, [H, W]."""

    def arrays(self) -> dict[str, FloatArray]:
        """All arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


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
        seed: turns the rays; the same seed gives the same map.
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
    world = world or World(scene, folder, carrier_hz=cells[0].carrier_hz)
    centre_x, centre_y = np.meshgrid(x_m, y_m)
    height = world.building_height_m(centre_x, centre_y).astype(np.float32)
    outdoor = np.flatnonzero(height.ravel() <= 0.0)
    open_share = _open_share(world, x_m, y_m)
    shape = (len(cells), len(y_m) * len(x_m))
    found = {name: np.full(shape, np.nan, np.float32) for name in _FEATURES}
    sites = sites_of(cells)
    for number, (site, members) in enumerate(sites.items()):

        def report(share: float, done: int = number) -> None:
            if progress:
                progress((done + share) / len(sites))

        floor = float(db_to_linear(least_path_gain_db([cells[m] for m in members]).min()))
        paths = _site_contributions(world, site, x_m, y_m, outdoor, config, seed, floor, report)
        for index in members:
            _fill(found, index, cells[index], paths, open_share, outdoor)
    grids = {name: values.reshape(len(cells), *height.shape) for name, values in found.items()}
    return PropagationMap(**grids, building_height_m=height)


_FEATURES = ("path_gain_db", "toa_ns", "aoa_deg", "delay_spread_ns", "los")


def _open_share(
    world: World, x_m: npt.NDArray[np.float64], y_m: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Outdoor share of each pixel, flat: rays never reach the indoor part."""
    step = float(x_m[1] - x_m[0])
    offsets = (np.arange(OUTDOOR_SAMPLES) + 0.5) / OUTDOOR_SAMPLES - 0.5
    share = np.zeros((len(y_m), len(x_m)))
    for dx in offsets:
        for dy in offsets:
            share += world.outdoor(*np.meshgrid(x_m + dx * step, y_m + dy * step))
    return np.maximum(share.ravel(), 1.0) / OUTDOOR_SAMPLES**2


def _site_contributions(
    world: World,
    site: tuple[float, float, float],
    x_m: npt.NDArray[np.float64],
    y_m: npt.NDArray[np.float64],
    outdoor: npt.NDArray[np.int64],
    config: SolverConfig,
    seed: int,
    floor: float,
    report: Callable[[float], None],
) -> tuple[PathList, npt.NDArray[np.float64]]:
    """All paths from one site as a `PathList` whose receivers are pixels, and their weights.

    Weight 1 marks a path evaluated at the pixel's centre; for a crossing it is the share of a
    whole pixel that the ray's tube covers.
    """
    import mitsuba as mi

    from rayfix.simulation.edges import diffracted_paths, edges_seen
    from rayfix.simulation.shower import Plane, cast_shower

    position = mi.Point3f([site[0]], [site[1]], [site[2]])
    step = float(x_m[1] - x_m[0])
    plane = Plane(
        float(x_m[0]) - step / 2, float(y_m[0]) - step / 2, step, len(x_m), len(y_m),
        world.scene.ue_height_m,
    )  # fmt: skip
    shift = float(np.random.default_rng(seed).uniform())
    batches = max(1, math.ceil(config.rays_per_site / config.rays_per_batch))
    per_batch = min(config.rays_per_batch, config.rays_per_site)
    scale = world.wavelength_m / (4.0 * math.pi)
    across_m = np.hypot(x_m[None, :] - site[0], y_m[:, None] - site[1]).ravel()
    straight_m = np.hypot(across_m, world.scene.ue_height_m - site[2])
    parts: list[PathList] = []
    weights: list[npt.NDArray[np.float64]] = []
    for batch in range(batches):
        shower = cast_shower(
            world, position, plane, first=batch, count=per_batch, total=batches * per_batch,
            shift=shift, max_depth=config.max_depth,
            least_gain=floor * float(db_to_linear(-DROPPED_BELOW_DB)),
        )  # fmt: skip
        for crossing in shower:
            # The plane wave within a pixel must not bring a path in before the straight line.
            length_m = np.maximum(crossing.length_m, straight_m[crossing.pixel])
            spreading = (scale / length_m).astype(np.float32)
            parts.append(
                PathList(
                    crossing.pixel,
                    length_m / SPEED_OF_LIGHT_M_S,
                    crossing.departure,
                    crossing.response * spreading[:, None, None],
                    np.full(len(crossing.pixel), PathKind.REFLECTION, np.uint8),
                )
            )
            weights.append(crossing.tube * length_m**2 / step**2)
        report(0.7 * (batch + 1) / batches)
    column, row = outdoor % len(x_m), outdoor // len(x_m)
    centres = mi.Point3f(x_m[column], y_m[row], world.scene.ue_height_m)
    direct = _direct_paths(world, site, np.stack([x_m[column], y_m[row]], axis=1))
    exact = [direct]
    if config.diffraction:
        seen = edges_seen(world, world.edges, position)
        exact.append(diffracted_paths(world, seen, position, centres))
    for paths in exact:
        parts.append(replace(paths, receiver=outdoor[paths.receiver]))
        weights.append(np.ones(len(paths)))
    report(1.0)
    return PathList.joined(parts), np.concatenate(weights)


def _direct_paths(
    world: World, site: tuple[float, float, float], xy_m: npt.NDArray[np.float64]
) -> PathList:
    """Free lines of sight to receivers at UE height, in closed form (ITU-R P.525)."""
    import mitsuba as mi
    from sionna.rt.utils import spawn_ray_to

    receivers = np.column_stack([xy_m, np.full(len(xy_m), world.scene.ue_height_m)])
    ray = spawn_ray_to(mi.Point3f([site[0]], [site[1]], [site[2]]), mi.Point3f(receivers.T))
    free = np.flatnonzero(~world.sionna.mi_scene.ray_test(ray).numpy())
    way = receivers[free] - np.array(site)
    distance = np.linalg.norm(way, axis=1)
    amplitude = world.wavelength_m / (4.0 * math.pi * distance)
    response = amplitude[:, None, None] * np.eye(2)
    return PathList(
        free.astype(np.int64),
        distance / SPEED_OF_LIGHT_M_S,
        (way / distance[:, None]).astype(np.float32),
        response.astype(np.complex64),
        np.full(len(free), PathKind.LINE_OF_SIGHT, np.uint8),
    )


def _fill(
    found: dict[str, FloatArray],
    index: int,
    cell: Cell,
    site: tuple[PathList, npt.NDArray[np.float64]],
    open_share: npt.NDArray[np.float64],
    outdoor: npt.NDArray[np.int64],
) -> None:
    """Write the features of one cell."""
    paths, weight = site
    pixel = paths.receiver
    share = np.where(paths.kind == PathKind.REFLECTION, weight / open_share[pixel], weight)
    values, detectable, free = cell_features(cell, paths, len(open_share), share)
    heard = np.zeros(len(open_share), bool)
    heard[outdoor] = detectable[outdoor]
    written = {
        "path_gain_db": values["path_gain_db"],
        "toa_ns": values["toa_ns"],
        "aoa_deg": values["aoa_deg"],
        "delay_spread_ns": values["rms_delay_spread_ns"],
        "los": free.astype(float),
    }
    for name, value in written.items():
        found[name][index, heard] = value[heard]
