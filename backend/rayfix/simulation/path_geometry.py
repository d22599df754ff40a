"""Paths with everything that a change of antennas or materials needs to be recomputed.

Shape letters: P paths, D bounces at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rayfix.simulation.bounces import Bounces
from rayfix.simulation.exact_paths import PathsConfig
from rayfix.simulation.path_list import PathKind, PathList
from rayfix.simulation.specular import specular_chains
from rayfix.simulation.world import World

KEPT_DB = 35.0
"""Paths this far below the strongest one of their receiver are left out [dB]: sector antennas
reach from 8 dBi to -22 dBi, so some of them still matter."""


@dataclass(frozen=True)
class SitePaths:
    """Paths from one antenna position to receivers.

    Attributes:
        position_m: of the antenna (east, north, up) [m].
        receiver_m: receivers (east, north, up) [m], [N, 3].
        paths: as traced with the world's materials.
        bounces: of each path; none for the line of sight and diffraction.
    """

    position_m: tuple[float, float, float]
    receiver_m: npt.NDArray[np.float64]
    paths: PathList
    bounces: Bounces

    def at(self, receivers: npt.NDArray[np.int64], count: int) -> SitePaths:
        """Paths to some of the `count` receivers, which are numbered anew in that order."""
        number = np.full(count, -1)
        number[receivers] = np.arange(len(receivers))
        kept = np.flatnonzero(number[self.paths.receiver] >= 0)
        paths = self.paths.select(kept)
        return SitePaths(
            self.position_m,
            self.receiver_m[receivers],
            replace(paths, receiver=number[paths.receiver]),
            self.bounces.select(kept),
        )


def trace_sites(
    world: World,
    positions_m: Sequence[tuple[float, float, float]],
    xy_m_N2: npt.NDArray[np.float64],
    *,
    config: PathsConfig | None = None,
    seed: int = 1,
    progress: Callable[[float], None] | None = None,
) -> list[SitePaths]:
    """Line of sight, reflections and single diffractions of several antenna positions.

    Args:
        positions_m: antennas; the cells of a site share one.
        xy_m_N2: receivers at UE height [m].
        progress: receives the share done, 0 to 1.
    """
    import drjit as dr
    import mitsuba as mi

    from rayfix.simulation.edges import diffracted_paths, edges_seen

    config = config or PathsConfig()
    height_m = world.receiver_height_m(xy_m_N2[:, 0], xy_m_N2[:, 1])
    receiver_m = np.column_stack([xy_m_N2, height_m])
    receivers = mi.Point3f(receiver_m.T)
    found = []
    for number, position in enumerate(positions_m):
        site = mi.Point3f(*([value] for value in position))
        paths, bounces = specular_chains(
            world, site, xy_m_N2, max_depth=config.max_depth, rays=config.rays_per_site, seed=seed
        )
        if config.diffraction:
            seen = edges_seen(world, world.edges, site)
            if dr.width(seen.length):  # an antenna below its own roof sees no edge
                paths = PathList.joined([paths, diffracted_paths(world, seen, site, receivers)])
        bounces = bounces.padded(len(paths))
        kept = _strong(paths, len(xy_m_N2))
        found.append(SitePaths(position, receiver_m, paths.select(kept), bounces.select(kept)))
        if progress:
            progress((number + 1) / len(positions_m))
    return found


def _strong(paths: PathList, receivers: int) -> npt.NDArray[np.int64]:
    """Indices of paths that are not far below the strongest of their receiver."""
    gain = (np.abs(paths.response.astype(np.complex128)) ** 2).sum(axis=(1, 2))
    strongest = np.zeros(receivers)
    np.maximum.at(strongest, paths.receiver, gain)
    kept = gain >= strongest[paths.receiver] * 10.0 ** (-KEPT_DB / 10.0)
    return np.flatnonzero(kept | (paths.kind == PathKind.LINE_OF_SIGHT))
