"""Joins the maps of overlapping tiles (`scene.tiles`) to the map of the whole scene."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.radio_map.jobs import moved_scene
from rayfix.radio_map.radio_map import Float32, Float64, RadioMap
from rayfix.radio_map.relink import LINK_FEATURES, link_layers
from rayfix.radio_map.store import load_radio_map
from rayfix.radio_map.write import map_writer, windows
from rayfix.scene.cell import load_cells
from rayfix.scene.scene import Extent, Scene
from rayfix.scene.tiles import read_tiles
from rayfix.units import UE_NOISE_FIGURE_DB

OPEN_TILES = 4
"""Tiles in memory at a time: a window of the whole touches that many of its own size."""


def stitch_tiles(folder: Path, tiles_dir: Path, output_dir: Path) -> Path:
    """Write `<output_dir>/<scene>/` from the maps of its tiles; returns it.

    In an overlap the tile counts whose border is farther away: its surroundings are more complete.
    A cell has no path where that tile was traced without it (beyond the reach of the tiling). Link
    features are computed anew from the path gain of all cells.

    Args:
        folder: the scene, with tiles.json and cells.yaml.
        tiles_dir: folder of the tiles' maps, as `maps build --scenes-dir` writes them.
    Raises:
        ArtefactError: scene, tiles or a tile's map are missing or damaged.
        InvalidInputError: the scene was not cut, or the tiles' maps do not fit together.
    """
    scene = Scene.load(folder)
    cells = load_cells(folder / "cells.yaml")
    _, tiles = read_tiles(folder)
    if not tiles:
        raise InvalidInputError("scene", f"{folder} was not cut into tiles (--tile-size)")
    maps = [tiles_dir / tile.name for tile in tiles]
    extents = [Scene.load(path).extent for path in maps]
    load = lru_cache(OPEN_TILES)(load_radio_map)
    resolution_m = load(maps[0]).resolution_m
    x_m, y_m = scene.extent.pixel_centres(resolution_m)
    output = output_dir / scene.name
    made = dict(load(maps[0]).attributes)
    made |= {"fingerprint": None, "stitched_from": len(maps)}
    index = {cell.cell_id: number for number, cell in enumerate(cells)}
    written = moved_scene(scene, folder, output)
    noise_figure_db = float(str(made.get("ue_noise_figure_db", UE_NOISE_FIGURE_DB)))
    with map_writer(output, written, cells, x_m, y_m, made, folder) as writer:
        for window in windows(len(y_m), len(x_m)):
            x, y = x_m[window.columns], y_m[window.rows]
            owner = _owner(extents, x, y)
            values: dict[str, Float32] = {}
            for number in np.unique(owner).tolist():
                tile = load(maps[number])
                _check(maps[number], tile, resolution_m, index)
                _fill(values, tile, owner == number, x, y, index)
            writer.write(window, values)
            writer.write(window, link_layers(values["path_gain"], cells, noise_figure_db))
    return output


def _owner(extents: Sequence[Extent], x_m: Float64, y_m: Float64) -> npt.NDArray[np.int64]:
    """Number of the tile whose border is farthest away inside it, for every pixel."""
    depth = [
        np.minimum(
            np.minimum(x_m - extent.x_min_m, extent.x_max_m - x_m)[None, :],
            np.minimum(y_m - extent.y_min_m, extent.y_max_m - y_m)[:, None],
        )
        for extent in extents
    ]
    return np.asarray(np.argmax(depth, axis=0), np.int64)


def _check(path: Path, tile: RadioMap, resolution_m: float, index: dict[str, int]) -> None:
    if tile.resolution_m != resolution_m:
        raise InvalidInputError(
            "tiles_dir", f"{path} has pixels of {tile.resolution_m:g} m, not {resolution_m:g} m"
        )
    strange = [cell.cell_id for cell in tile.cells if cell.cell_id not in index]
    if strange:
        raise ArtefactError(path, f"cell {strange[0]} is not one of the scene's cells.yaml")


def _fill(
    values: dict[str, Float32],
    tile: RadioMap,
    own: npt.NDArray[np.bool_],
    x_m: Float64,
    y_m: Float64,
    index: dict[str, int],
) -> None:
    """Copy what a tile knows of its own pixels of a window."""
    row, column = own.nonzero()
    place = (
        np.rint((y_m[row] - tile.y_m[0]) / tile.resolution_m).astype(np.int64),
        np.rint((x_m[column] - tile.x_m[0]) / tile.resolution_m).astype(np.int64),
    )
    height = values.setdefault("building_height", np.zeros(own.shape, np.float32))
    height[row, column] = tile.building_height_m[place]
    layers = {**tile.features, **tile.extra}
    for name in layers.keys() - LINK_FEATURES.keys():
        whole = values.setdefault(name, np.full((len(index), *own.shape), np.nan, np.float32))
        for number, cell in enumerate(tile.cells):
            whole[index[cell.cell_id], row, column] = layers[name][number][place]
