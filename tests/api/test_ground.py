"""Height of the ground as map tiles: decoded, they are the ground."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from dataclasses import replace

import morecantile
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from tests.api.test_locate import problem_of
from tests.conftest import Town, settings_of

from rayfix.api.app import create_app
from rayfix.radio_map.radio_map import Float64
from rayfix.radio_map.store import load_radio_map, save_radio_map
from rayfix.scene.ground_grid import GroundGrid

SCENE = "/api/v1/scenes/town"
TMS = morecantile.tms.get("WebMercatorQuad")
AXIS_M = np.arange(-300.0, 301.0, 5.0)


def height_m(x_m: Float64, y_m: Float64) -> Float64:
    """The hill of the town."""
    return 20.0 + 0.1 * x_m - 0.05 * y_m


@pytest.fixture(scope="module")
def hilly(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("hilly")
    maps = folder / "radio_maps"
    shutil.copytree(town.radio_maps_dir, maps)
    x, y = np.meshgrid(AXIS_M, AXIS_M)
    GroundGrid(AXIS_M, AXIS_M, height_m(x, y).astype(np.float32)).save(maps / "town" / "ground.npz")
    found = load_radio_map(maps / "town")
    scene = found.scene.model_copy(update={"ground_mesh": "ground"})
    save_radio_map(maps / "town", replace(found, scene=scene))
    settings = settings_of(replace(town, radio_maps_dir=maps), folder)
    with TestClient(create_app(settings)) as client:
        yield client


def test_tiles_hold_the_height_of_the_ground(hilly: TestClient, town: Town) -> None:
    terrain = hilly.get(SCENE).json()["terrain"]
    assert (terrain["encoding"], terrain["tile_size"]) == ("terrarium", 256)
    georeference = town.radio_map.scene.georeference
    zoom = terrain["maxzoom"]
    lat, lon = (float(v) for v in georeference.to_lat_lon(10.0, 20.0))
    tile = TMS.tile(lon, lat, zoom)
    response = hilly.get(terrain["tiles"].format(z=zoom, x=tile.x, y=tile.y))
    assert response.headers["content-type"] == "image/png"
    # Where pixels lie is computed by morecantile, independently.
    red, green, blue = np.moveaxis(
        np.asarray(Image.open(io.BytesIO(response.content)), float), 2, 0
    )
    found = 256 * red + green + blue / 256 - 32768
    bounds = TMS.xy_bounds(tile)
    centres = (np.arange(256) + 0.5) / 256
    mercator_x = bounds.left + centres * (bounds.right - bounds.left)
    mercator_y = bounds.top - centres * (bounds.top - bounds.bottom)
    places = [TMS.lnglat(a, b) for a, b in zip(mercator_x, mercator_y, strict=True)]
    x, y = georeference.to_local([p.y for p in places], [p.x for p in places])
    inside = (np.abs(x) < 300) & (np.abs(y) < 300)
    assert inside.any()
    diagonal = np.diagonal(found)
    np.testing.assert_allclose(diagonal[inside], height_m(x, y)[inside], atol=0.01)
    again = hilly.get(response.url, headers={"if-none-match": response.headers["etag"]})
    assert again.status_code == 304


def test_tiles_far_away_are_level(hilly: TestClient) -> None:
    answer = hilly.get(f"{SCENE}/ground/3/0/0.png")
    pixels = np.asarray(Image.open(io.BytesIO(answer.content)))
    assert (pixels == pixels[0, 0]).all()


def test_what_is_not_there(hilly: TestClient, client: TestClient) -> None:
    problem_of(hilly.get(f"{SCENE}/ground/1/2/0.png"), 404, "unknown_tile")
    problem_of(hilly.get(f"{SCENE}/ground/23/0/0.png"), 422, "invalid_request")
    assert client.get(SCENE).json()["terrain"] is None
    problem_of(client.get(f"{SCENE}/ground/1/0/0.png"), 404, "unknown_tile")
