"""Maps of overlapping tiles become the map of the whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.scene.osm_file import OsmFile, rectangle

from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.relink import LINK_FEATURES, link_layers
from rayfix.radio_map.stitch import stitch_tiles
from rayfix.radio_map.store import load_radio_map, save_radio_map
from rayfix.scene.cell import Cell, load_cells, save_cells
from rayfix.scene.osm import import_scene
from rayfix.scene.scene import Scene
from rayfix.scene.tiles import Tiling, read_tiles, tile_cells

RESOLUTION_M = 2.0


def known_map(scene: Scene, cells: tuple[Cell, ...], shift_db: float) -> RadioMap:
    """Values that tell place, cell and, by `shift_db`, the map they come from."""
    x_m, y_m = scene.extent.pixel_centres(RESOLUTION_M)
    grid_x, grid_y = np.meshgrid(x_m, y_m)
    gain = np.stack([-70.0 - np.hypot(grid_x - c.x_m, grid_y - c.y_m) / 16 for c in cells])
    path_gain = (gain + shift_db).astype(np.float32)
    path_gain[:, (grid_x > 0) & (grid_x < 20) & (grid_y > 40) & (grid_y < 60)] = np.nan
    features = {
        "path_gain": path_gain,
        "toa": np.where(np.isnan(path_gain), np.nan, grid_x + 500.0).astype(np.float32),
        "aoa": np.where(np.isnan(path_gain), np.nan, 90.0).astype(np.float32),
    }
    return RadioMap(
        scene=scene,
        cells=cells,
        x_m=x_m,
        y_m=y_m,
        features=features | dict.fromkeys(LINK_FEATURES, path_gain),  # to be replaced
        building_height_m=np.where(grid_y > 150.0, 10.0, 0.0).astype(np.float32),
        extra={"los": np.where(np.isnan(path_gain), np.nan, 1.0).astype(np.float32)},
        attributes={"resolution_m": RESOLUTION_M},
    )


@pytest.fixture
def cut(tmp_path: Path) -> tuple[Path, Path]:
    """A scene of 208 m x 432 m in tiles of 128 m, and the folder of their maps."""
    file = OsmFile()
    file.way(rectangle(-20, 180, 40, 20), building="yes", height="10")
    file.way([(-100, -20), (100, -20)], highway="residential")
    tiling = Tiling(128.0, 32.0, 130.0)
    folder, _ = import_scene(file.write(tmp_path / "a.osm"), "a", tmp_path, tiling=tiling)
    places = {"south": (10.0, -150.0), "north": (-30.0, 150.0)}
    cells = [
        Cell(cell_id=f"{name}-1", site_id=name, x_m=x, y_m=y, z_m=30.0, bearing_deg=0.0)
        for name, (x, y) in places.items()
    ]
    save_cells(folder / "cells.yaml", cells)
    tile_cells(folder, cells)
    maps = tmp_path / "tile-maps"
    for number, tile in enumerate(read_tiles(folder)[1]):
        one = known_map(Scene.load(tile), load_cells(tile / "cells.yaml"), 0.0625 * number)
        save_radio_map(maps / tile.name, one)
    return folder, maps


def test_each_pixel_comes_from_the_tile_it_is_deepest_in(
    cut: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, maps = cut
    whole = load_radio_map(stitch_tiles(folder, maps, tmp_path / "radio_maps"))
    scene = Scene.load(folder)
    cells = load_cells(folder / "cells.yaml")
    assert whole.cells == cells
    assert whole.scene.extent == scene.extent
    assert whole.attributes["stitched_from"] == 10
    expected = known_map(scene, cells, 0.0)
    x, y = np.meshgrid(whole.x_m, whole.y_m)
    tiles = [Scene.load(tile) for tile in read_tiles(folder)[1]]
    # along the axis of the first tile column: rows of tiles, each with its own shift
    west, south = scene.extent.x_min_m, scene.extent.y_min_m
    for row in range(5):
        middle = south + 96.0 * row + 64.0
        pixel = np.argmin(np.hypot(x - (west + 64.0), y - middle))
        for index in range(2):
            value = whole.features["path_gain"][index].flat[pixel]
            if np.isfinite(value):
                truth = expected.features["path_gain"][index].flat[pixel]
                assert value - truth == pytest.approx(0.0625 * 2 * row, abs=0.07)
    assert len(tiles) == 10
    both = np.isfinite(whole.features["path_gain"]).any(axis=0)
    open_air = np.isfinite(expected.features["path_gain"]).all(axis=0)
    np.testing.assert_array_equal(both, open_air)
    np.testing.assert_array_equal(whole.building_height_m, expected.building_height_m)
    np.testing.assert_allclose(
        np.fmax.reduce(whole.features["toa"]), np.fmax.reduce(expected.features["toa"]), atol=0.07
    )
    assert set(whole.extra) == {"los"}


def test_interference_comes_from_the_cells_of_all_tiles(
    cut: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, maps = cut
    whole = load_radio_map(stitch_tiles(folder, maps, tmp_path / "radio_maps"))
    again = link_layers(whole.features["path_gain"], whole.cells)
    np.testing.assert_allclose(whole.features["sinr"], again["sinr"], atol=0.04)
    heard = np.isfinite(whole.features["path_gain"])
    assert heard.all(axis=0).any()  # places in reach of both sites
    assert (heard.sum(axis=0) == 1).any()  # and of one alone
    assert (tmp_path / "radio_maps/a/roads.geojson").is_file()


def test_maps_that_do_not_fit_are_named(cut: tuple[Path, Path], tmp_path: Path) -> None:
    folder, maps = cut
    name = "a-r02c01"
    tile = load_radio_map(maps / name)
    renamed = tuple(c.model_copy(update={"cell_id": f"X-{c.cell_id}"}) for c in tile.cells)
    save_radio_map(maps / name, replace(tile, cells=renamed))
    with pytest.raises(ArtefactError, match=rf"{name}: cell X-.* is not one"):
        stitch_tiles(folder, maps, tmp_path / "radio_maps")
    assert not (tmp_path / "radio_maps/a").exists()
    (maps / name / "scene.json").unlink()
    with pytest.raises(ArtefactError, match=name):
        stitch_tiles(folder, maps, tmp_path / "radio_maps")
    (folder / "tiles.json").unlink()
    with pytest.raises(InvalidInputError, match="not cut into tiles"):
        stitch_tiles(folder, maps, tmp_path / "radio_maps")
