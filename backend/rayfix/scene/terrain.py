"""Ground of an imported scene from a digital elevation model, a GeoTIFF of heights in metres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pyproj import Transformer
from scipy.ndimage import distance_transform_edt, map_coordinates

from rayfix.errors import SourceFileError
from rayfix.geo import GeoReference
from rayfix.scene.ground import Ground
from rayfix.scene.mesh import Mesh
from rayfix.scene.scene import Extent

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Bounds = tuple[float, float, float, float]
"""West, south, east, north [m]."""

STEP_M = 5.0
"""Corners of the ground lie this far apart [m]; as far as the model's pixels where those are
coarser."""

MOST_CORNERS = 4_000_000
"""A larger ground gets larger steps."""

LOWEST_M, HIGHEST_M = -500.0, 9_000.0
"""Ground of the Earth; other heights are feet, or a missing value that is not declared."""

LEAST_SHARE = 0.5
"""Share of the pixels that must hold a height."""


@dataclass(frozen=True)
class Terrain:
    """The ground.

    Attributes:
        mesh: faces up; heights above `zero_m`.
        zero_m: the model's height that is zero in the scene: whole metres, below all ground.
        filled: pixels without a height, filled from the nearest one that has one.
    """

    mesh: Mesh
    zero_m: float
    filled: int

    def cut(self, bounds_m: Bounds) -> Mesh:
        """The triangles that touch a rectangle."""
        west, south, east, north = bounds_m
        corners = self.mesh.vertices[self.mesh.faces]
        low, high = corners.min(axis=1), corners.max(axis=1)
        inside = (low[:, 0] <= east) & (high[:, 0] >= west)
        inside &= (low[:, 1] <= north) & (high[:, 1] >= south)
        used, number = np.unique(self.mesh.faces[inside], return_inverse=True)
        return Mesh(self.mesh.vertices[used], number.reshape(-1, 3))

    def describe(self) -> str:
        """One phrase for a person."""
        top = float(self.mesh.vertices[:, 2].max())
        text = f"ground up to {top:.1f} m above {self.zero_m:g} m"
        return f"{text}, {self.filled} pixels without a height filled" if self.filled else text

    @cached_property
    def ground(self) -> Ground:
        """Heights by place."""
        return Ground(self.mesh.vertices[self.mesh.faces])


def read_terrain(
    path: Path, georeference: GeoReference, extent: Extent, bounds_m: Bounds
) -> Terrain:
    """The ground inside a rectangle of the local frame.

    Heights are interpolated bilinearly between the centres of the pixels; beyond the outermost
    centres the nearest height goes on.

    Args:
        path: a GeoTIFF with a coordinate reference system; its first band is read.
        extent: must be covered.
        bounds_m: west, south, east, north [m] of the ground; not smaller than the extent.
    Raises:
        SourceFileError: not a raster, without a reference system, heights that no ground has, or
            it covers only a part of the extent.
    """
    try:
        import rasterio
        from rasterio.errors import RasterioError
    except ImportError:
        raise SourceFileError(path, "reading it takes pip install 'rayfix[maps]'") from None
    try:
        with rasterio.open(path) as model:
            if model.crs is None:
                raise SourceFileError(path, "the raster has no coordinate reference system")
            step = max(STEP_M, _pixel_m(model, georeference))
            x_X, y_Y = _corners(bounds_m, step)
            column_YX, row_YX = _pixels(path, model, georeference, extent, x_X, y_Y)
            window = _window(model, row_YX, column_YX)
            heights = model.read(1, window=window).astype(np.float64)
            known = model.read_masks(1, window=window) > 0
            unit = (model.units[0] or "").lower()
    except RasterioError as error:
        raise SourceFileError(path, f"not a raster that GDAL reads ({error})") from None
    known &= np.isfinite(heights)
    heights = _checked(path, heights, known, unit)
    z_YX = map_coordinates(
        heights, [row_YX - window[0][0], column_YX - window[1][0]], order=1, mode="nearest"
    )
    zero_m = float(np.floor(z_YX.min()))
    return Terrain(_grid_mesh(x_X, y_Y, z_YX - zero_m), zero_m, int((~known).sum()))


def _pixel_m(model: Any, georeference: GeoReference) -> float:
    """Side of a pixel at the scene's origin [m]."""
    to_model = Transformer.from_crs(georeference.crs, model.crs, always_xy=True)
    x, y = to_model.transform(np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0]))
    column, row = _column_row(model, x, y)
    per_metre = np.hypot(np.diff(column)[0], np.diff(row)[0])
    return float(1.0 / per_metre)


def _column_row(model: Any, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Positions in pixels from the upper left corner, of places in the raster's own system."""
    inverse = ~model.transform
    return (
        inverse.a * x + inverse.b * y + inverse.c,
        inverse.d * x + inverse.e * y + inverse.f,
    )


def _corners(bounds_m: Bounds, step_m: float) -> tuple[FloatArray, FloatArray]:
    """x and y of the corners of a grid with about this step over the rectangle."""
    west, south, east, north = bounds_m
    step = max(step_m, float(np.sqrt((east - west) * (north - south) / MOST_CORNERS)))
    columns, rows = (int(np.ceil(side / step)) + 1 for side in (east - west, north - south))
    return np.linspace(west, east, columns), np.linspace(south, north, rows)


def _pixels(
    path: Path,
    model: Any,
    georeference: GeoReference,
    extent: Extent,
    x_X: FloatArray,
    y_Y: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Column and row of every corner, pixel centres being whole numbers."""
    to_model = Transformer.from_crs(georeference.crs, model.crs, always_xy=True)
    x_YX, y_YX = np.meshgrid(x_X, y_Y)
    column, row = _column_row(model, *to_model.transform(x_YX, y_YX))
    inside = (column >= 0) & (column <= model.width) & (row >= 0) & (row <= model.height)
    covered = inside[extent.contains(x_YX, y_YX)]
    if not covered.all():
        lat, lon = georeference.to_lat_lon(
            [extent.x_min_m, extent.x_max_m], [extent.y_min_m, extent.y_max_m]
        )
        raise SourceFileError(
            path,
            f"covers {100 * covered.mean():.0f} % of the scene; "
            f"{lon[0]:.5f},{lat[0]:.5f},{lon[1]:.5f},{lat[1]:.5f} (W,S,E,N) is expected",
        )
    return column - 0.5, row - 0.5


def _window(
    model: Any, row: FloatArray, column: FloatArray
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns to read, each from a first one to before a last one."""

    def span(position: FloatArray, size: int) -> tuple[int, int]:
        first = min(max(0, math.floor(position.min())), size - 1)
        return first, max(first + 1, min(size, math.ceil(position.max()) + 1))

    return span(row, model.height), span(column, model.width)


def _checked(path: Path, heights: FloatArray, known: BoolArray, unit: str) -> FloatArray:
    """Heights [m] without gaps."""
    if known.mean() < LEAST_SHARE:
        raise SourceFileError(path, f"only {100 * known.mean():.0f} % of the pixels hold a height")
    if unit in ("ft", "foot", "feet", "us survey foot"):
        heights = heights * 0.3048
    low, high = heights[known].min(), heights[known].max()
    if low < LOWEST_M or high > HIGHEST_M:
        raise SourceFileError(
            path, f"heights of {LOWEST_M:g} m to {HIGHEST_M:g} m are expected, not {low:g} m to "
            f"{high:g} m (is a missing value not declared?)"
        )  # fmt: skip
    if known.all():
        return heights
    nearest = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(heights[tuple(nearest)], np.float64)


def _grid_mesh(x_X: FloatArray, y_Y: FloatArray, z_YX: FloatArray) -> Mesh:
    """Two triangles per square of the grid, facing up."""
    x_YX, y_YX = np.meshgrid(x_X, y_Y)
    vertices = np.column_stack([x_YX.ravel(), y_YX.ravel(), z_YX.ravel()])
    number = np.arange(z_YX.size).reshape(z_YX.shape)
    a, b = number[:-1, :-1].ravel(), number[:-1, 1:].ravel()
    c, d = number[1:, 1:].ravel(), number[1:, :-1].ravel()
    faces = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])])
    return Mesh(vertices, faces)
