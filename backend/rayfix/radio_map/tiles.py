"""A radio map as map tiles: 256 px squares of web Mercator (EPSG:3857), as XYZ and TileJSON name
them: tile (z, x, y) of 2^z x 2^z, x from 180 deg west, y from the north."""

from __future__ import annotations

import io
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from rayfix.geo import GeoReference
from rayfix.radio_map.image import colour, layer
from rayfix.radio_map.radio_map import RadioMap
from rayfix.scene.ground_grid import GroundGrid

TILE_PIXELS = 256
MAX_ZOOM = 22
"""Deeper tiles exist nowhere; TileJSON allows 30."""
EARTH_RADIUS_M = 6_378_137.0
"""Semi-major axis of WGS 84, the sphere of EPSG:3857."""


class Zooms(NamedTuple):
    """Zoom levels at which tiles of a map make sense."""

    min: int
    max: int


class Bounds(NamedTuple):
    """Extent in WGS 84 [deg]."""

    west: float
    south: float
    east: float
    north: float


def bounds_of(radio_map: RadioMap) -> Bounds:
    """The upright rectangle around a map's corners."""
    lon, lat = np.array(radio_map.scene.corners_lon_lat()).T
    return Bounds(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max()))


def zooms_of(radio_map: RadioMap) -> Zooms:
    """From where the map covers a quarter of a tile to where a tile pixel is half a map pixel."""
    bounds = bounds_of(radio_map)
    around_m = 2 * math.pi * EARTH_RADIUS_M * math.cos(math.radians(bounds.north))
    width_m = radio_map.resolution_m * radio_map.x_m.size
    closest = math.log2(around_m / (TILE_PIXELS * radio_map.resolution_m)) + 1
    farthest = math.log2(around_m / width_m) - 2
    return Zooms(max(0, math.floor(farthest)), min(MAX_ZOOM, math.ceil(closest)))


def exists(zoom: int, x: int, y: int) -> bool:
    """Whether there is such a tile on the globe."""
    return 0 <= zoom <= MAX_ZOOM and 0 <= x < 1 << zoom and 0 <= y < 1 << zoom


def render_tile(
    radio_map: RadioMap,
    feature: str,
    cell_id: str,
    zoom: int,
    x: int,
    y: int,
    value_range: tuple[float, float],
) -> bytes:
    """RGBA PNG of one tile: each tile pixel shows the map pixel that its centre lies in,
    transparent beyond the map and where no path arrives.

    Args:
        value_range: values at the two ends of the colormap.
    Raises:
        InvalidInputError: no such feature or cell.
    """
    values = layer(radio_map, feature, cell_id)
    rows, columns = _map_pixels(radio_map, zoom, x, y)
    height, width = values.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    shown = np.full(rows.shape, np.nan, np.float32)
    shown[inside] = values[rows[inside], columns[inside]]
    buffer = io.BytesIO()
    Image.fromarray(colour(shown, feature, value_range)).save(buffer, "PNG")
    return buffer.getvalue()


def _map_pixels(
    radio_map: RadioMap, zoom: int, x: int, y: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row and column of the map [256, 256] that each pixel centre of a tile lies in."""
    east, north = _places(radio_map.scene.georeference, zoom, x, y)
    extent, step = radio_map.scene.extent, radio_map.resolution_m
    column = np.floor((east - extent.x_min_m) / step)
    row = np.floor((north - extent.y_min_m) / step)
    return row.clip(-1, 1e9).astype(np.int64), column.clip(-1, 1e9).astype(np.int64)


def _places(
    georeference: GeoReference, zoom: int, x: int, y: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """East and north [m] of the centre of each pixel of a tile, shapes [256, 256].

    Inverse spherical Mercator (EPSG method 1024): latitude = atan(sinh(pi (1 - 2 v))), with u and v
    from 0 to 1 over the world's square. Far from the scene its projection is undefined: -1e9 m.
    """
    centres = (np.arange(TILE_PIXELS) + 0.5) / TILE_PIXELS
    u, v = (x + centres) / 2**zoom, (y + centres) / 2**zoom
    lon = 360.0 * u - 180.0
    lat = np.degrees(np.arctan(np.sinh(np.pi * (1.0 - 2.0 * v))))
    lat_grid, lon_grid = np.meshgrid(lat, lon, indexing="ij")
    east, north = georeference.to_local(lat_grid, lon_grid)
    return np.nan_to_num(east, nan=-1e9, posinf=-1e9), np.nan_to_num(north, nan=-1e9, posinf=-1e9)


def closest_ground_zoom(grid: GroundGrid, lat_deg: float) -> int:
    """Zoom level beyond which tiles of the ground tell nothing more."""
    around_m = 2 * math.pi * EARTH_RADIUS_M * math.cos(math.radians(lat_deg))
    return min(MAX_ZOOM, math.ceil(math.log2(around_m / (TILE_PIXELS * grid.step_m))))


def render_ground_tile(
    grid: GroundGrid, georeference: GeoReference, zoom: int, x: int, y: int
) -> bytes:
    """RGB PNG of the ground's height in the scene's frame, in the encoding "Terrarium":
    metres = 256 red + green + blue / 256 - 32768."""
    height_m = grid.at(*_places(georeference, zoom, x, y)) + 32768.0
    red, green = np.floor(height_m / 256), np.floor(height_m) % 256
    blue = np.floor((height_m % 1) * 256)
    buffer = io.BytesIO()
    rgb = np.stack([red, green, blue], axis=-1).astype(np.uint8)
    Image.fromarray(rgb).save(buffer, "PNG")
    return buffer.getvalue()
