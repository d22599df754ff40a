"""Scenes, cells, buildings, radio-map pictures with legend, probe."""

from __future__ import annotations

import io

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from tests.api.test_locate import problem_of
from tests.conftest import BUILDINGS, ROADS, Town

SCENE = "/api/v1/scenes/town"


def test_scenes_and_one_scene(client: TestClient, town: Town) -> None:
    (summary,) = client.get("/api/v1/scenes").json()["scenes"]
    scene = client.get(SCENE).json()
    assert summary.items() <= scene.items()
    assert (scene["name"], scene["model"], scene["ue_height_m"]) == ("town", "town", 1.5)
    assert scene["cells"] == [cell.cell_id for cell in town.radio_map.cells]
    assert [f["name"] for f in scene["features"]][:3] == ["path_gain", "toa", "aoa"]
    top_left, _, bottom_right, _ = scene["corners"]
    assert top_left[0] < bottom_right[0] and top_left[1] > bottom_right[1]
    x, y = town.radio_map.scene.georeference.to_local(top_left[1], top_left[0])
    assert (x, y) == pytest.approx((-64, 64), abs=0.01)


def test_cells_are_points_with_bearings(client: TestClient, town: Town) -> None:
    response = client.get(f"{SCENE}/cells.geojson")
    assert response.headers["content-type"] == "application/geo+json"
    features = response.json()["features"]
    assert len(features) == len(town.radio_map.cells)
    lon, lat = features[0]["geometry"]["coordinates"]
    cell = town.radio_map.cells[0]
    x, y = town.radio_map.scene.georeference.to_local(lat, lon)
    assert (x, y) == pytest.approx((cell.x_m, cell.y_m), abs=0.02)
    assert features[0]["properties"]["bearing_deg"] == cell.bearing_deg


@pytest.mark.parametrize(("name", "content"), [("buildings", BUILDINGS), ("roads", ROADS)])
def test_features_are_the_file_and_revalidate(client: TestClient, name: str, content: str) -> None:
    response = client.get(f"{SCENE}/{name}.geojson")
    assert response.text == content
    tag = response.headers["etag"]
    again = client.get(f"{SCENE}/{name}.geojson", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_scene_without_water_has_none(client: TestClient) -> None:
    response = client.get(f"{SCENE}/water.geojson")
    assert response.headers["content-type"] == "application/geo+json"
    assert response.json() == {"type": "FeatureCollection", "features": []}


@pytest.mark.parametrize("cell", ["", "?cell=best", "?cell=A-0"])
def test_a_picture_has_the_map_s_size_and_holes(client: TestClient, town: Town, cell: str) -> None:
    response = client.get(f"{SCENE}/radio-maps/path_gain.png{cell}")
    assert response.headers["content-type"] == "image/png"
    picture = np.asarray(Image.open(io.BytesIO(response.content)))
    gain = town.radio_map.features["path_gain"]
    heard = np.isfinite(gain[0]) if "A-0" in cell else np.isfinite(gain).any(axis=0)
    assert picture.shape == (*heard.shape, 4)
    assert np.array_equal(picture[..., 3] > 0, heard[::-1])


def test_a_legend_describes_its_picture(client: TestClient) -> None:
    legend = client.get(f"{SCENE}/radio-maps/toa.json?cell=B-1").json()
    assert (legend["feature"], legend["cell"], legend["unit"]) == ("toa", "B-1", "ns")
    stops = legend["legend"]["stops"]
    assert stops[0]["value"] == legend["legend"]["min"]
    assert stops[-1]["value"] == legend["legend"]["max"]
    picture = client.get(legend["image"])
    width, height = Image.open(io.BytesIO(picture.content)).size
    assert (width, height) == (legend["width"], legend["height"])


def test_a_probe_is_sorted_and_null_without_a_path(client: TestClient, town: Town) -> None:
    scene = town.radio_map.scene
    lat, lon = (float(v) for v in scene.georeference.to_lat_lon(25.0, 20.0))
    inside = client.get(f"{SCENE}/probe", params={"lat": lat, "lon": lon}).json()
    assert inside["building_height_m"] == 15.0
    assert inside["best_cell"] is None
    assert all(cell["rsrp_dbm"] is None and cell["toa"] is None for cell in inside["cells"])
    lat, lon = (float(v) for v in scene.georeference.to_lat_lon(-30.0, 0.0))
    outside = client.get(f"{SCENE}/probe", params={"lat": lat, "lon": lon}).json()
    rsrp = [c["rsrp_dbm"] for c in outside["cells"] if c["rsrp_dbm"] is not None]
    assert rsrp == sorted(rsrp, reverse=True) and len(rsrp) >= 3
    assert outside["best_cell"] == outside["cells"][0]["cell_id"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/scenes/nowhere", 404, "unknown_scene"),
        ("/api/v1/scenes/..%2ftown", 404, "not_found"),
        ("/api/v1/scenes/%2e%2e/cells.geojson", 404, "unknown_scene"),
        ("/api/v1/scenes/nowhere/buildings.geojson", 404, "unknown_scene"),
        ("/api/v1/scenes/nowhere/roads.geojson", 404, "unknown_scene"),
        ("/api/v1/scenes/nowhere/water.geojson", 404, "unknown_scene"),
        (f"{SCENE}/radio-maps/rsrq.png", 404, "unknown_feature"),
        (f"{SCENE}/radio-maps/toa.png?cell=nobody", 404, "unknown_cell"),
        (f"{SCENE}/radio-maps/toa.json?cell=nobody", 404, "unknown_cell"),
        (f"{SCENE}/probe?lat=0&lon=0", 404, "outside_map"),
        (f"{SCENE}/probe?lat=nan&lon=0", 422, "invalid_request"),
        (f"{SCENE}/probe?lat=inf&lon=0", 422, "invalid_request"),
        (f"{SCENE}/probe?lat=48", 422, "invalid_request"),
    ],
)
def test_what_is_not_there(client: TestClient, path: str, status: int, code: str) -> None:
    body = problem_of(client.get(path), status, code)
    if code == "invalid_request":
        assert body["errors"][0]["field"] in ("lat", "lon")
