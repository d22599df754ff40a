"""The coarse grid: the map cut into rows x columns equal cells, and cells into pixels and blocks.

Shape letters: P coarse cells (row-major from the south-west corner), n pixels of a coarse cell
(row-major), H rows and W columns of the map's pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rayfix.physics.maps import MapTensors


@dataclass(frozen=True)
class CoarseGrid:
    """Geometry of the coarse cells over one map.

    Where the pixels of the map do not divide evenly, the grid reaches past the north and east
    edges; the pixels there have no path and no weight.

    Attributes:
        rows, columns: coarse cells south to north, west to east.
        cell_rows, cell_columns: pixels of one coarse cell.
        resolution_m: side of a pixel [m].
        west_m, south_m: south-west corner of the grid [m].
    """

    rows: int
    columns: int
    cell_rows: int
    cell_columns: int
    resolution_m: float
    west_m: float
    south_m: float

    @classmethod
    def over(cls, maps: MapTensors, rows: int, columns: int) -> CoarseGrid:
        """The grid of `rows` x `columns` cells over a map."""
        _, height, width = maps.shape
        half = maps.resolution_m / 2
        return cls(
            rows,
            columns,
            math.ceil(height / rows),
            math.ceil(width / columns),
            maps.resolution_m,
            maps.x_min_m - half,
            maps.y_min_m - half,
        )

    @property
    def cell_size_m(self) -> tuple[float, float]:
        """Width (x) and height (y) of a coarse cell [m]."""
        return self.cell_columns * self.resolution_m, self.cell_rows * self.resolution_m

    def block_side(self, block_m: float) -> int:
        """Pixels along a block's side: the largest that tiles a coarse cell within `block_m`."""
        wanted = max(1, round(block_m / self.resolution_m))
        common = math.gcd(self.cell_rows, self.cell_columns)
        return max(side for side in range(1, min(wanted, common) + 1) if common % side == 0)

    def pad(self, plane: Tensor) -> Tensor:
        """Extend [..., H, W] to the whole grid with zeros."""
        height, width = plane.shape[-2:]
        right = self.columns * self.cell_columns - width
        top = self.rows * self.cell_rows - height
        return F.pad(plane, (0, right, 0, top)) if right or top else plane

    def by_cell(self, plane: Tensor, side: int = 1) -> Tensor:
        """Group a padded plane of pixels (or blocks of `side` pixels) by cell: [..., P, n]."""
        rows, columns = self.cell_rows // side, self.cell_columns // side
        grouped = plane.reshape(*plane.shape[:-2], self.rows, rows, self.columns, columns)
        return grouped.transpose(-3, -2).flatten(-2).flatten(-3, -2)

    def from_cells(self, values_Pn: Tensor) -> Tensor:
        """Pixels grouped by cell [..., P, n] back on the whole grid: undoes `by_cell`."""
        shape = (self.rows, self.columns, self.cell_rows, self.cell_columns)
        apart = values_Pn.reshape(*values_Pn.shape[:-2], *shape).transpose(-3, -2)
        return apart.flatten(-2).flatten(-3, -2)

    def cell_of(self, xy_m: Tensor) -> Tensor:
        """Coarse cell (int64 [...]) that holds each point [..., 2]; outside = the nearest cell."""
        width, height = self.cell_size_m
        column = ((xy_m[..., 0] - self.west_m) / width).floor().long().clamp(0, self.columns - 1)
        row = ((xy_m[..., 1] - self.south_m) / height).floor().long().clamp(0, self.rows - 1)
        return row * self.columns + column

    def pixel_index(self, row: Tensor, column: Tensor) -> Tensor:
        """Place of pixels on the flattened axes (P, n) of `by_cell`."""
        cell = (row // self.cell_rows) * self.columns + column // self.cell_columns
        within = (row % self.cell_rows) * self.cell_columns + column % self.cell_columns
        return cell * (self.cell_rows * self.cell_columns) + within

    def centres(self, device: torch.device) -> Tensor:
        """Centres of the coarse cells [m], shape [P, 2]."""
        width, height = self.cell_size_m
        x = self.west_m + (torch.arange(self.columns, device=device) + 0.5) * width
        y = self.south_m + (torch.arange(self.rows, device=device) + 0.5) * height
        return torch.stack([x.repeat(self.rows), y.repeat_interleave(self.columns)], -1)

    def offsets(self, device: torch.device, side: int = 1) -> Tensor:
        """Centres of the pixels (or blocks) of a cell, relative to its centre [m], [n, 2]."""
        rows, columns = self.cell_rows // side, self.cell_columns // side
        step = self.resolution_m * side
        x = (torch.arange(columns, device=device) - (columns - 1) / 2) * step
        y = (torch.arange(rows, device=device) - (rows - 1) / 2) * step
        return torch.stack([x.repeat(rows), y.repeat_interleave(columns)], -1)
