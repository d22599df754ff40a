"""The grid of square pixels that a map is traced on. Shape letters: H rows, W columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from rayfix.simulation.world import World

Float64 = npt.NDArray[np.float64]

OUTDOOR_SAMPLES = 4
"""The outdoor share of a pixel is found from this many times this many points of it."""


@dataclass(frozen=True)
class PixelGrid:
    """Pixels over the outdoor places of a world; a pixel's number is row * W + column.

    Attributes:
        x_m, y_m: pixel centres [m], ascending and equally spaced, shapes [W] and [H].
        height_m: height of a UE's antenna at the centres [m], [H * W].
        building_height_m: height of what covers the centres [m], 0 outdoors, [H, W].
        open_share: outdoor share of each pixel, [H * W]; rays never reach the rest.
    """

    x_m: Float64
    y_m: Float64
    height_m: Float64
    building_height_m: npt.NDArray[np.float32]
    open_share: Float64

    @classmethod
    def of(cls, world: World, x_m: Float64, y_m: Float64) -> PixelGrid:
        """The pixels with these centres."""
        centre_x, centre_y = np.meshgrid(x_m, y_m)
        step = float(x_m[1] - x_m[0])
        offsets = ((np.arange(OUTDOOR_SAMPLES) + 0.5) / OUTDOOR_SAMPLES - 0.5) * step
        share = np.zeros(centre_x.shape)
        for dx in offsets:
            for dy in offsets:
                share += world.outdoor(centre_x + dx, centre_y + dy)
        return cls(
            x_m,
            y_m,
            world.receiver_height_m(centre_x, centre_y).ravel(),
            world.building_height_m(centre_x, centre_y).astype(np.float32),
            np.maximum(share.ravel(), 1.0) / OUTDOOR_SAMPLES**2,
        )

    @property
    def step_m(self) -> float:
        """Side of a pixel [m]."""
        return float(self.x_m[1] - self.x_m[0])

    @property
    def size(self) -> int:
        """Number of pixels."""
        return len(self.x_m) * len(self.y_m)

    @property
    def outdoor(self) -> npt.NDArray[np.int64]:
        """Numbers of the pixels whose centre is outdoors."""
        return np.flatnonzero(self.building_height_m.ravel() <= 0.0)

    def centres(self, pixel: npt.NDArray[np.int64]) -> Float64:
        """Antenna positions (x, y, z) at the centres of pixels [m], shape [N, 3]."""
        columns = len(self.x_m)
        return np.column_stack(
            [self.x_m[pixel % columns], self.y_m[pixel // columns], self.height_m[pixel]]
        )

    def locate(self, point: Any) -> tuple[Any, Any]:
        """Number of the pixel of each point (`mi.Point3f`), and whether it is inside."""
        import drjit as dr
        import mitsuba as mi

        column = (point.x - (float(self.x_m[0]) - self.step_m / 2)) / self.step_m
        row = (point.y - (float(self.y_m[0]) - self.step_m / 2)) / self.step_m
        inside = (column >= 0) & (column < len(self.x_m)) & (row >= 0) & (row < len(self.y_m))
        number = mi.UInt(dr.select(inside, row, 0)) * len(self.x_m) + mi.UInt(
            dr.select(inside, column, 0)
        )
        return number, inside
