"""The part of a posterior over the map's pixels that is worth sending."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rayfix.locator.fix import Grid, Posterior
from rayfix.physics.maps import MapTensors
from rayfix.scene.scene import Extent, Scene

LEAST = 1e-4
"""Pixels with less than this part of the largest probability need not lie in the window."""
MOST_CELLS = 65_536
"""Larger windows are told by squares of several pixels."""


def posterior_window(
    probability_YX: npt.NDArray[np.float32], maps: MapTensors, scene: Scene
) -> Posterior:
    """The smallest rectangle with every pixel that counts; sums to 1.

    Args:
        probability_YX: row 0 is the south edge of the map.
    """
    counts = probability_YX >= LEAST * probability_YX.max()
    (south, north), (west, east) = (_range(counts.any(axis=axis)) for axis in (1, 0))
    window = probability_YX[south:north, west:east]
    side = math.ceil(math.sqrt(window.size / MOST_CELLS))
    rows, columns = (math.ceil(length / side) for length in window.shape)
    short = (rows * side - window.shape[0], columns * side - window.shape[1])
    padded = np.pad(window, ((0, short[0]), (0, short[1])))
    pooled = padded.reshape(rows, side, columns, side).sum(axis=(1, 3))
    step = maps.resolution_m
    left, bottom = maps.x_min_m + (west - 0.5) * step, maps.y_min_m + (south - 0.5) * step
    right, top = left + columns * side * step, bottom + rows * side * step
    extent = Extent(x_min_m=left, x_max_m=right, y_min_m=bottom, y_max_m=top)
    grid = Grid(rows, columns, tuple(scene.corners_lon_lat(extent)))
    return Posterior(grid, (pooled / pooled.sum()).ravel())


def _range(counts: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """First and one past the last place that counts."""
    places = np.flatnonzero(counts)
    return int(places[0]), int(places[-1]) + 1
