"""Map values at any point, in NumPy: the same bilinear rule as the locator's differentiable lookup
(`rayfix.physics.lookup`), for checks and reports that need no gradient.

Shape letters: N points, C cells, 4 corners.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rayfix.errors import OutsideMapError
from rayfix.radio_map.conventions import TOA_JUMP_PIXELS
from rayfix.radio_map.radio_map import Float64, RadioMap
from rayfix.units import SPEED_OF_LIGHT_M_S


def bilinear(radio_map: RadioMap, x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> dict[str, Float64]:
    """Every feature that the map has, of every cell, at points of the map.

    Pixels without a path have no weight: the others' weights are scaled up to sum to 1. Angles
    are averaged as unit vectors, and delays of two different first paths are not mixed: see
    `conventions.TOA_JUMP_PIXELS`.

    Args:
        x_m, y_m: points [m], shape [N].
    Returns:
        Arrays [N, C] by feature name; NaN where none of the four pixels around has a path.
    Raises:
        OutsideMapError: a point lies outside the map.
    """
    x, y = np.asarray(x_m, np.float64), np.asarray(y_m, np.float64)
    inside = radio_map.scene.extent.contains(x, y)
    if not inside.all():
        first = int(np.flatnonzero(~inside)[0])
        raise OutsideMapError(f"the point ({x[first]:.1f}, {y[first]:.1f}) m is outside the map")
    column, fx = _pixel_and_fraction(x, radio_map.x_m)
    row, fy = _pixel_and_fraction(y, radio_map.y_m)
    rows = np.stack([row, row, row + 1, row + 1])
    columns = np.stack([column, column + 1, column, column + 1])
    weights = np.stack([(1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy])

    corners = {name: values[:, rows, columns] for name, values in radio_map.features.items()}
    valid = np.all([np.isfinite(values) for values in corners.values()], axis=0)  # [C, 4, N]
    weights = weights * valid
    total = weights.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = np.where(total > 1e-6, weights / total, np.nan)

    def mean(values: npt.NDArray[np.floating]) -> Float64:
        return np.asarray((weights * np.where(valid, values, 0.0)).sum(axis=1).T, np.float64)

    found = {name: mean(values) for name, values in corners.items() if name != "aoa"}
    if "aoa" in corners:
        angle = np.deg2rad(corners["aoa"])
        found["aoa"] = np.rad2deg(np.arctan2(mean(np.sin(angle)), mean(np.cos(angle)))) % 360.0
    if "toa" in corners:
        toa = np.where(valid, corners["toa"], 0.0)
        heaviest = np.nan_to_num(weights).argmax(axis=1, keepdims=True)
        jump = np.abs(toa - np.take_along_axis(toa, heaviest, axis=1))
        limit_ns = TOA_JUMP_PIXELS * radio_map.resolution_m / SPEED_OF_LIGHT_M_S * 1e9
        weights = weights * (jump <= limit_ns)
        with np.errstate(invalid="ignore", divide="ignore"):
            weights = weights / weights.sum(axis=1, keepdims=True)
        found["toa"] = mean(corners["toa"])
    return found


def nearest_pixel(radio_map: RadioMap, x_m: float, y_m: float) -> tuple[int, int]:
    """Row and column of the pixel that holds a point.

    Raises:
        OutsideMapError: the point lies outside the map.
    """
    if not radio_map.scene.extent.contains(x_m, y_m):
        raise OutsideMapError(f"the point ({x_m:.1f}, {y_m:.1f}) m is outside the map")
    column = int(np.abs(radio_map.x_m - x_m).argmin())
    row = int(np.abs(radio_map.y_m - y_m).argmin())
    return row, column


def _pixel_and_fraction(value: Float64, centres: Float64) -> tuple[npt.NDArray[np.int64], Float64]:
    """Index of the pixel centre below each value and the way [0, 1] to the next one."""
    position = (value - centres[0]) / (centres[1] - centres[0])
    position = position.clip(0.0, len(centres) - 1.0)
    index = np.floor(position).clip(0, len(centres) - 2).astype(np.int64)
    return index, position - index
