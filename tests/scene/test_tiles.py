"""Large scenes cut into overlapping tiles."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from tests.scene.osm_file import OsmFile, rectangle
from typer.testing import CliRunner

from rayfix.cli import app
from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.radio_map.jobs import find_jobs
from rayfix.scene.cell import load_cells
from rayfix.scene.osm import import_scene
from rayfix.scene.scene import Extent, Scene
from rayfix.scene.tiles import Tiling, read_tiles


def test_tiles_cover_the_whole_and_share_the_overlap() -> None:
    whole = Extent(x_min_m=-504, x_max_m=504, y_min_m=-832, y_max_m=832)
    rows = Tiling().extents(whole)
    assert (len(rows), len(rows[0])) == (4, 3)
    tiles = [tile for row in rows for tile in row]
    assert {tile.x_max_m - tile.x_min_m for tile in tiles} == {512.0}
    x, y = np.meshgrid(np.linspace(-504, 504, 64), np.linspace(-832, 832, 64))
    covered = sum(tile.contains(x, y).astype(int) for tile in tiles)
    assert covered.min() >= 1
    first, second = rows[0][:2]
    assert first.x_max_m - second.x_min_m == 64.0  # at least 50 m, in steps of 16 m
    # pixels of all tiles lie on one grid
    for resolution in (1.0, 2.0, 4.0, 8.0):
        starts = {(tile.x_min_m - whole.x_min_m) % resolution for tile in tiles}
        assert starts == {0.0}


def test_a_small_scene_is_one_tile() -> None:
    whole = Extent(x_min_m=-96, x_max_m=96, y_min_m=-208, y_max_m=208)
    ((tile,),) = Tiling().extents(whole)
    assert (tile.x_min_m, tile.y_max_m) == (-96.0, 304.0)


@pytest.mark.parametrize(
    ("size", "overlap", "reach", "field"),
    [
        (500.0, 50.0, 300.0, "tile-size"),
        (512.0, 512.0, 300.0, "overlap"),
        (512.0, 50.0, -1.0, "reach"),
    ],
)
def test_bad_tilings_are_named(size: float, overlap: float, reach: float, field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Tiling(size, overlap, reach)
    assert caught.value.field == field


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A strip of 208 m x 432 m cut into 2 x 5 tiles of 128 m; houses at both ends."""
    path = tmp_path_factory.mktemp("tiles")
    file = OsmFile()
    file.way(rectangle(-20, -200, 40, 20), building="yes", height="30")
    file.way(rectangle(-20, 180, 40, 20), building="yes", height="30", building__material="brick")
    source = file.write(path / "strip.osm")
    run = CliRunner().invoke
    place = ["scene", "import", "--osm", str(source), "--name", "strip"]
    cut = ["--tile-size", "128", "--overlap", "30", "--reach", "40"]
    result = run(app, [*place, *cut, "--output-dir", str(path)])
    assert result.exit_code == 0, result.output
    assert "tiles" in result.output
    sites = path / "sites.csv"
    sites.write_text("site_id,x_m,y_m,height_m\nsouth,0,-190,33\nnorth,0,190,33\n")
    folder = str(path / "strip")
    result = run(app, ["scene", "sites", "--scene", folder, "--from", str(sites)])
    assert result.exit_code == 0, result.output
    return path / "strip"


def test_every_tile_is_a_scene_in_the_frame_of_the_whole(scenes: Path) -> None:
    whole = Scene.load(scenes)
    _, tiles = read_tiles(scenes)
    assert len(tiles) == 2 * 5
    for tile in tiles:
        scene = Scene.load(tile)
        assert scene.name == tile.name
        assert scene.georeference == whole.georeference
    south, north = tiles[0], tiles[-1]
    assert not (south / "meshes/buildings-brick.ply").exists()
    top = trimesh.load_mesh(north / "meshes/buildings-brick.ply", process=False).vertices
    assert top[:, 2].max() == 30.0
    assert top[:, 1].max() == pytest.approx(200, abs=0.1)


def test_a_tile_has_the_cells_within_reach_else_the_nearest(scenes: Path) -> None:
    assert len(load_cells(scenes / "cells.yaml")) == 6
    _, tiles = read_tiles(scenes)
    of_tile = [{cell.site_id for cell in load_cells(tile / "cells.yaml")} for tile in tiles]
    assert of_tile[:4] == [{"south"}] * 4
    assert of_tile[-4:] == [{"north"}] * 4
    assert all(of_tile)
    jobs = find_jobs("", None, scenes / "tiles", scenes.parent / "maps")
    assert len(jobs) == 10


def test_an_import_again_replaces_the_tiles(scenes: Path, tmp_path: Path) -> None:
    source = scenes.parent / "strip.osm"
    folder, summary = import_scene(source, "a", tmp_path, tiling=Tiling(128.0, 30.0, 40.0))
    assert summary.tiles == 10
    _, summary = import_scene(source, "a", tmp_path, tiling=Tiling(256.0), overwrite=True)
    assert summary.tiles == 2 == len(list((folder / "tiles").iterdir()))


def test_damaged_tiles_are_named(tmp_path: Path) -> None:
    assert read_tiles(tmp_path) == (0.0, ())
    (tmp_path / "tiles.json").write_text(json.dumps({"tiles": []}))
    with pytest.raises(ArtefactError, match=r"tiles\.json"):
        read_tiles(tmp_path)
