"""Exact propagation features between cells and receivers at given places.

Shape letters: N receivers, C cells, P paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from rayfix.errors import InvalidInputError
from rayfix.scene.cell import Cell, sites_of
from rayfix.simulation.features import FeatureSums
from rayfix.simulation.path_detail import BEAM_GAIN, BEAMS, DETAIL, path_detail
from rayfix.simulation.path_list import PathList
from rayfix.simulation.world import World

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PathsConfig:
    """How exact paths are searched.

    Attributes:
        max_depth: reflections of a path at most.
        diffraction: whether first-order diffracted paths count.
        rays_per_site: rays that search for chains of reflecting surfaces.
        detail: whether to look at angles, beams and ports too (`path_detail`).
        receivers_per_batch: receivers traced together; bounds the memory (about 1 GB).
    """

    max_depth: int = 5
    diffraction: bool = True
    rays_per_site: int = 500_000
    detail: bool = False
    receivers_per_batch: int = 2_000


@dataclass(frozen=True)
class PathFeatures:
    """Features per receiver and cell, float32 [N, C]; NaN (False for `los`) where the cell is not
    detectable. Definitions: `detection`; angles are bearings at the cell."""

    path_gain_db: FloatArray
    """Sum of the gains of all paths, sector antenna to isotropic antenna [dB]."""
    toa_ns: FloatArray
    """Delay of the first detectable path [ns]."""
    aoa_deg: FloatArray
    """Power-weighted bearing at the cell toward the paths [deg] in [0, 360): uplink AoA
    (TS 38.215, 5.2.4)."""
    rms_delay_spread_ns: FloatArray
    """Power-weighted standard deviation of the delays [ns] (TR 38.901, 7.7.3)."""
    k_factor_db: FloatArray
    """Gain of the strongest path over that of all others [dB]; +inf with a single path."""
    los: npt.NDArray[np.bool_]
    """Whether the direct path is free."""
    detail: Mapping[str, FloatArray] = field(default_factory=dict)
    """Arrays of `path_detail`, [N, C] and the beams [N, C, A], where they were asked for."""

    @staticmethod
    def joined(parts: Sequence[PathFeatures]) -> PathFeatures:
        """Features of several batches of receivers, in order."""
        joined = {name: np.concatenate([getattr(p, name) for p in parts]) for name in _FEATURES}
        detail = {name: np.concatenate([p.detail[name] for p in parts]) for name in parts[0].detail}
        return PathFeatures(**joined, detail=detail)


_FEATURES = tuple(f.name for f in fields(PathFeatures) if f.name != "detail")


def exact_paths(
    world: World,
    cells: Sequence[Cell],
    xy_m: npt.ArrayLike,
    *,
    seed: int = 1,
    config: PathsConfig | None = None,
    progress: Callable[[float], None] | None = None,
) -> PathFeatures:
    """Trace exact paths from every cell to receivers at UE height.

    Paths are: the line of sight, chains of up to `max_depth` specular reflections (Sionna RT's
    image method), and single diffractions (Sionna RT's uniform theory of diffraction). Gains add
    up as powers: phases at 3.5 GHz change within centimetres.

    Args:
        world: the loaded scene; its materials and carrier are used.
        cells: need not be those of a map (a perturbed bearing, tilt or power is another cell).
        xy_m: receivers east and north of the scene's origin [m], shape [N, 2].
        seed: turns the search rays.
        progress: receives the share done, 0 to 1.
    Raises:
        InvalidInputError: no cells, or the positions are not finite or not [N, 2].
    """
    config = config or PathsConfig()
    positions = np.asarray(xy_m, float)
    if positions.ndim != 2 or positions.shape[1] != 2 or not np.isfinite(positions).all():
        raise InvalidInputError("xy_m", "finite positions of shape [N, 2] are expected")
    if not cells:
        raise InvalidInputError("cells", "at least one cell is expected")
    starts = range(0, len(positions), config.receivers_per_batch)
    sites = sites_of(cells)
    parts: list[PathFeatures] = []
    for batch, start in enumerate(starts):
        receivers = positions[start : start + config.receivers_per_batch]
        features = _undetected(len(receivers), len(cells), config.detail)
        for number, (site, members) in enumerate(sites.items()):
            paths = site_paths(world, site, receivers, seed=seed, config=config)
            for index in members:
                _fill(features, index, cells[index], paths)
            if progress:
                progress((batch + (number + 1) / len(sites)) / len(starts))
        parts.append(features)
    return PathFeatures.joined(parts) if parts else _undetected(0, len(cells), config.detail)


def site_paths(
    world: World,
    site: tuple[float, float, float],
    xy_m: npt.NDArray[np.float64],
    *,
    seed: int,
    config: PathsConfig,
) -> PathList:
    """All paths between one antenna position (x, y, z) [m] and receivers [N, 2] at UE height."""
    import mitsuba as mi

    from rayfix.simulation.edges import diffracted_paths, edges_seen
    from rayfix.simulation.specular import specular_paths

    position = mi.Point3f([site[0]], [site[1]], [site[2]])
    paths = specular_paths(
        world, position, xy_m, max_depth=config.max_depth, rays=config.rays_per_site, seed=seed
    )
    if not config.diffraction:
        return paths
    height_m = world.receiver_height_m(xy_m[:, 0], xy_m[:, 1])
    receivers = mi.Point3f(xy_m[:, 0], xy_m[:, 1], height_m)
    seen = edges_seen(world, world.edges, position)
    return PathList.joined([paths, diffracted_paths(world, seen, position, receivers)])


def _undetected(receivers: int, cells: int, detail: bool) -> PathFeatures:
    def missing() -> FloatArray:
        return np.full((receivers, cells), np.nan, np.float32)

    return PathFeatures(
        path_gain_db=missing(),
        toa_ns=missing(),
        aoa_deg=missing(),
        rms_delay_spread_ns=missing(),
        k_factor_db=missing(),
        los=np.zeros((receivers, cells), bool),
        detail={name: missing() for name in DETAIL if name != BEAM_GAIN}
        | {BEAM_GAIN: np.full((receivers, cells, BEAMS), np.nan, np.float32)}
        if detail
        else {},
    )


def _fill(features: PathFeatures, column: int, cell: Cell, paths: PathList) -> None:
    """Write one cell's column of features."""
    sums = FeatureSums(cell, len(features.los))
    sums.add(paths)
    values, heard, free = sums.values()
    for name in _FEATURES:
        if name != "los":
            getattr(features, name)[heard, column] = values[name][heard]
    features.los[:, column] = heard & free
    if features.detail:
        for name, array in path_detail(cell, paths, len(heard)).items():
            features.detail[name][heard, column] = array[heard]
