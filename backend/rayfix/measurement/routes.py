"""Closed loops along streets, for a live demo in which motion never jumps.

A route follows the middle of the outdoor space between random places, closes on itself, is smooth,
and is walked or driven at constant speed, so that its last place is one step before its first.

Shape letters: H rows (y), W columns (x) of the outdoor raster, V its free pixels, P points of a
way, T places of a route.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field
from scipy.ndimage import distance_transform_edt, gaussian_filter1d
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from rayfix.errors import InvalidInputError
from rayfix.measurement.motion import MOTIONS, SPEED_M_S, IsFree
from rayfix.measurement.places import TracingConfig
from rayfix.measurement.propagation import Float64
from rayfix.scene.scene import Extent

PIXEL_M = 2.0
CLEARANCE_M = {"still": 1.0, "walking": 2.0, "driving": 4.0}
"""Distance from buildings and from the map's border that a route keeps [m]."""
SMOOTHING_M = {"walking": 3.0, "driving": 8.0}
"""Standard deviation of the Gaussian that rounds a route's corners [m]."""
MIDDLE_PULL = 12.0
"""A step costs (1 + this / clearance [m]) times its length: routes keep to the middle."""
REUSE_COST = 4.0
"""A pixel that a loop has used costs this many times more: loops avoid their own way back."""
TRIES = 300


class RoutesConfig(BaseModel):
    """The file `configs/feed.yaml`.

    Attributes:
        seed: of all draws.
        duration_s: time of one loop [s].
        interval_s: time between two places [s].
        still, walking, driving: number of routes of each class.
        paths: how paths are traced.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(ge=0)
    duration_s: float = Field(default=150.0, gt=0, le=3600)
    interval_s: float = Field(default=0.5, gt=0, le=10)
    still: int = Field(default=4, ge=0)
    walking: int = Field(default=9, ge=0)
    driving: int = Field(default=7, ge=0)
    paths: TracingConfig = TracingConfig()


def draw_routes(
    config: RoutesConfig, extent: Extent, is_free: IsFree
) -> tuple[Float64, npt.NDArray[np.int64]]:
    """Places of every route [m], shape [S, T, 2], and its motion class [S].

    Raises:
        InvalidInputError: the outdoor space has no loop of a length that a class covers in
            `duration_s`.
    """
    random = np.random.default_rng(config.seed)
    steps = round(config.duration_s / config.interval_s)
    routes, motion = [], []
    for number, name in enumerate(MOTIONS):
        count = getattr(config, name)
        if not count:
            continue
        streets = Streets.of(extent, is_free, CLEARANCE_M[name])
        for _ in range(count):
            routes.append(
                np.repeat(streets.place(random)[None], steps, axis=0)
                if name == "still"
                else _loop(streets, name, config.duration_s, steps, is_free, random)
            )
            motion.append(number)
    return np.stack(routes), np.array(motion, np.int64)


@dataclass(frozen=True)
class Streets:
    """The largest connected part of the outdoor space, as a graph of pixels.

    Attributes:
        xy_m_V2: pixel centres [m].
        clearance_m_V: distance to the nearest building or border [m].
        edges_E2: neighbouring pixels (8 each).
        length_m_E: length of each edge [m].
    """

    xy_m_V2: Float64
    clearance_m_V: Float64
    edges_E2: npt.NDArray[np.int64]
    length_m_E: Float64

    @classmethod
    def of(cls, extent: Extent, is_free: IsFree, clearance_m: float) -> Streets:
        """Rasterise the outdoor space and keep its largest part of at least this clearance."""
        x, y = extent.pixel_centres(PIXEL_M)
        grid_HW2 = np.stack(np.meshgrid(x, y), axis=-1)
        free_HW = is_free(grid_HW2.reshape(-1, 2)).reshape(grid_HW2.shape[:2])
        clearance_HW = distance_transform_edt(np.pad(free_HW, 1))[1:-1, 1:-1] * PIXEL_M
        open_HW = clearance_HW >= clearance_m
        node_HW = np.full(open_HW.shape, -1, np.int64)
        node_HW[open_HW] = np.arange(open_HW.sum())
        edges, lengths = [], []
        for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
            here = node_HW[: node_HW.shape[0] - dy, max(0, -dx) : node_HW.shape[1] - max(0, dx)]
            there = node_HW[dy:, max(0, dx) : node_HW.shape[1] + min(0, dx)]
            both = (here >= 0) & (there >= 0)
            edges.append(np.stack([here[both], there[both]], axis=-1))
            lengths.append(np.full(int(both.sum()), np.hypot(dx, dy) * PIXEL_M))
        edges_E2, length_E = np.concatenate(edges), np.concatenate(lengths)
        count = int(open_HW.sum())
        if not count:
            raise InvalidInputError("scene.extent", "some of it must be outdoors")
        _, part_V = connected_components(_graph(edges_E2, length_E, count), directed=False)
        largest_V = part_V == np.bincount(part_V).argmax()
        renumbered = np.cumsum(largest_V) - 1
        kept = largest_V[edges_E2[:, 0]]
        return cls(
            grid_HW2[open_HW][largest_V],
            clearance_HW[open_HW][largest_V],
            renumbered[edges_E2[kept]],
            length_E[kept],
        )

    def place(self, random: np.random.Generator) -> Float64:
        """A random pixel's centre [m], shape [2]."""
        return np.asarray(self.xy_m_V2[random.integers(len(self.xy_m_V2))])

    def graph(self, used_V: npt.NDArray[np.bool_]) -> csr_array:
        """Cost of each edge: length, dearer beside walls and where a loop has been."""
        cost_V = (1.0 + MIDDLE_PULL / self.clearance_m_V) * np.where(used_V, REUSE_COST, 1.0)
        cost_E = self.length_m_E * cost_V[self.edges_E2].mean(axis=1)
        return _graph(self.edges_E2, cost_E, len(self.xy_m_V2))


def _graph(edges_E2: npt.NDArray[np.int64], cost_E: Float64, count: int) -> csr_array:
    return csr_array((cost_E, (edges_E2[:, 0], edges_E2[:, 1])), shape=(count, count))


def _loop(
    streets: Streets,
    motion: str,
    duration_s: float,
    steps: int,
    is_free: IsFree,
    random: np.random.Generator,
) -> Float64:
    """One closed route of a length that the class covers in `duration_s`, shape [T, 2]."""
    slowest, fastest = SPEED_M_S[motion]
    for _ in range(TRIES):
        corners = _corners(streets, random.uniform(slowest, fastest) * duration_s, random)
        way_P2 = _smooth(_way_through(streets, corners), SMOOTHING_M[motion])
        length_m = _length_m(way_P2)
        if not slowest * duration_s <= length_m <= fastest * duration_s:
            continue
        if is_free(way_P2).all():
            return _resampled(way_P2, steps)
    raise InvalidInputError(
        "duration_s", f"no {motion} loop of {duration_s:.0f} s was found in the outdoor space"
    )


def _corners(
    streets: Streets, length_m: float, random: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Three or four pixels that a loop of about this length may visit, in turn."""
    count = int(random.integers(3, 5))
    centre = streets.place(random)
    # Streets are about 1.3 times longer than the straight line between two places.
    radius_m = length_m / 1.3 / (2.0 * count * np.sin(np.pi / count))
    angle = random.uniform(0, 2 * np.pi) + np.arange(count) * 2 * np.pi / count
    wanted = centre + radius_m * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    distance = np.hypot(*(streets.xy_m_V2[:, None] - wanted[None]).transpose(2, 0, 1))
    return np.asarray(distance.argmin(axis=0), np.int64)


def _way_through(streets: Streets, corners: npt.NDArray[np.int64]) -> Float64:
    """Cheapest closed way through pixels, shape [P, 2]; the first point is not repeated."""
    used_V = np.zeros(len(streets.xy_m_V2), bool)
    way: list[int] = []
    for start, end in zip(corners, np.roll(corners, -1), strict=True):
        _, before = dijkstra(
            streets.graph(used_V), directed=False, indices=int(start), return_predecessors=True
        )
        leg = [int(end)]
        while leg[-1] != start:
            leg.append(int(before[leg[-1]]))
        way += leg[:0:-1]
        used_V[leg] = True
    return streets.xy_m_V2[way]


def _resampled(way_P2: Float64, count: int) -> Float64:
    """`count` points at equal distances along a closed way, shape [count, 2]."""
    closed = np.concatenate([way_P2, way_P2[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    at = np.arange(count) * along[-1] / count
    return np.stack([np.interp(at, along, closed[:, axis]) for axis in (0, 1)], axis=-1)


def _length_m(way_P2: Float64) -> float:
    return float(np.hypot(*(np.roll(way_P2, -1, axis=0) - way_P2).T).sum())


def _smooth(way_P2: Float64, sigma_m: float) -> Float64:
    """The closed way with rounded corners, a point every half metre."""
    if len(way_P2) < 3:
        return way_P2
    points = max(8, round(_length_m(way_P2) * 2))
    fine = _resampled(way_P2, points)
    return np.asarray(gaussian_filter1d(fine, sigma_m * 2, axis=0, mode="wrap"))
