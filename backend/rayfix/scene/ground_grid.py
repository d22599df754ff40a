"""The ground of a hilly scene on a grid, for whoever draws it: small, and read without its mesh."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from rayfix.errors import ArtefactError
from rayfix.files import write_bytes_whole
from rayfix.scene.buildings import MARGIN_M
from rayfix.scene.ground import STEP_M, Ground
from rayfix.scene.scene import Extent

FloatArray = npt.NDArray[np.float64]

GROUND_FILE = "ground.npz"
"""Beside a scene, and beside its radio map."""

BESIDE_M = MARGIN_M + 50.0
"""The grid reaches this far beyond the extent of the maps [m]: under all buildings."""

LEVEL_FROM_M = 500.0
"""This far beyond the grid, and farther, the ground is drawn level [m]."""

MOST_POINTS = 1_000_000
"""A larger area gets larger steps."""

PRECISION_M = 2**-7
"""Heights are rounded to multiples of this [m]."""


@dataclass(frozen=True)
class GroundGrid:
    """Heights of the ground.

    Attributes:
        x_m, y_m: places in the scene's frame [m], ascending by one step, shapes [X] and [Y].
        height_m: height in the scene's frame [m], shape [Y, X].
    """

    x_m: FloatArray
    y_m: FloatArray
    height_m: npt.NDArray[np.float32]

    @property
    def step_m(self) -> float:
        """Distance of neighbouring places [m]."""
        return float(self.x_m[1] - self.x_m[0])

    def at(self, x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> FloatArray:
        """Height at places [m], bilinear; beyond the grid it levels out to the mean of its edge."""
        x, y = np.broadcast_arrays(np.asarray(x_m, float), np.asarray(y_m, float))
        column = ((x - self.x_m[0]) / self.step_m).clip(0, len(self.x_m) - 1)
        row = ((y - self.y_m[0]) / self.step_m).clip(0, len(self.y_m) - 1)
        left = np.minimum(column.astype(np.int64), len(self.x_m) - 2)
        low = np.minimum(row.astype(np.int64), len(self.y_m) - 2)
        right, up = column - left, row - low
        z = self.height_m
        below = z[low, left] * (1 - right) + z[low, left + 1] * right
        above = z[low + 1, left] * (1 - right) + z[low + 1, left + 1] * right
        inside = below * (1 - up) + above * up
        away_m = np.hypot(
            x - x.clip(self.x_m[0], self.x_m[-1]), y - y.clip(self.y_m[0], self.y_m[-1])
        )
        level = (away_m / LEVEL_FROM_M).clip(0, 1)
        edge = np.concatenate([z[0], z[-1], z[1:-1, 0], z[1:-1, -1]])
        return np.asarray(inside * (1 - level) + float(edge.mean()) * level)

    def save(self, path: Path) -> None:
        """Write a compressed NumPy archive, whole or not at all."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, x_m=self.x_m, y_m=self.y_m, height_m=self.height_m)
        write_bytes_whole(path, buffer.getvalue())


def ground_grid(ground: Ground, extent: Extent) -> GroundGrid | None:
    """The ground of a scene and `BESIDE_M` around it; None where it is flat."""
    if ground.is_flat:
        return None
    width = extent.x_max_m - extent.x_min_m + 2 * BESIDE_M
    height = extent.y_max_m - extent.y_min_m + 2 * BESIDE_M
    step = max(STEP_M, math.sqrt(width * height / MOST_POINTS))
    x_m = extent.x_min_m - BESIDE_M + step * np.arange(math.ceil(width / step) + 1.0)
    y_m = extent.y_min_m - BESIDE_M + step * np.arange(math.ceil(height / step) + 1.0)
    z_m = ground.height_m(*np.meshgrid(x_m, y_m))
    return GroundGrid(x_m, y_m, (np.round(z_m / PRECISION_M) * PRECISION_M).astype(np.float32))


def load_ground_grid(path: Path) -> GroundGrid:
    """Read what `GroundGrid.save` wrote.

    Raises:
        ArtefactError: not that, or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as members:
            x_m, y_m, height_m = (members[name] for name in ("x_m", "y_m", "height_m"))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ArtefactError(path, f"not a grid of the ground ({error})") from None
    if min(x_m.size, y_m.size) < 2 or height_m.shape != (y_m.size, x_m.size):
        raise ArtefactError(path, "not a grid of the ground (its arrays do not fit together)")
    if not np.isfinite(height_m).all():
        raise ArtefactError(path, "a height is not a number")
    return GroundGrid(
        np.asarray(x_m, np.float64), np.asarray(y_m, np.float64), np.asarray(height_m, np.float32)
    )
