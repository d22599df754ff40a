"""What other programs read: GeoJSON, TileJSON and tiles, GeoTIFF, CSV, KML, MF-JSON, LocationData.

Checked with public readers and validators (geojson, shapely, GDAL, rio-cogeo, morecantile,
jsonschema), not with our own.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import geojson
import httpx
import jsonschema
import morecantile
import numpy as np
import pytest
import rasterio
from fastapi.testclient import TestClient
from PIL import Image
from rio_cogeo.cogeo import cog_validate
from shapely.geometry import shape
from tests.api.server import Server
from tests.api.test_locate import problem_of
from tests.conftest import Town, settings_of

from rayfix.api.schemas import EllipseBody, FixBody
from rayfix.api.schemas_lmf import location_data
from rayfix.measurement.report import CellMeasurement, Report
from rayfix.radio_map.tiles import zooms_of
from rayfix.scene.cell import CellIdentity

MAPS = "/api/v1/scenes/town/radio-maps"

TILEJSON = {
    "type": "object",
    "required": ["tilejson", "tiles", "vector_layers"],
    "properties": {
        "tilejson": {"const": "3.0.0"},
        "tiles": {"type": "array", "items": {"type": "string", "format": "uri"}, "minItems": 1},
        "vector_layers": {"type": "array", "items": {"required": ["id", "fields"]}},
        "bounds": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
        "center": {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
        "minzoom": {"type": "integer", "minimum": 0, "maximum": 30},
        "maxzoom": {"type": "integer", "minimum": 0, "maximum": 30},
        "scheme": {"enum": ["xyz", "tms"]},
        "legend": {"type": "string"},
        "attribution": {"type": "string"},
        "name": {"type": "string"},
        "description": {"type": "string"},
    },
}
"""The rules of the TileJSON 3.0.0 specification for the keys that we write."""


@pytest.fixture(scope="module")
def moving(town: Town, client: TestClient) -> str:
    """A UE with a track of four fixes, two of them in one millisecond."""
    now = 1_760_000_000.0
    for index, time_s in enumerate((now, now + 1, now + 1, now + 2.5)):
        report = town.report(-20 + 10 * index, 5.0, time_s)
        request = {"ue_id": "-m+m-", "reports": [report], "refine": False}
        answer = client.post("/api/v1/locate", json=request)
        assert answer.status_code == 200
    for _ in range(200):
        if len(client.get("/api/v1/ues/-m+m-/track").json()["features"]) == 4:
            return "-m+m-"
        time.sleep(0.02)
    raise AssertionError("the fixes did not get into the log")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/ues",
        "/api/v1/ues?shape=ellipse",
        "/api/v1/ues/-m+m-/track",
        "/api/v1/scenes/town/cells.geojson",
        "/api/v1/scenes/town/buildings.geojson",
        "/api/v1/scenes/town/roads.geojson",
    ],
)
def test_geojson_is_valid(client: TestClient, moving: str, path: str) -> None:
    response = client.get(path)
    assert response.headers["content-type"].startswith("application/geo+json")
    document = geojson.loads(response.text)
    assert document.is_valid, document.errors()
    assert document["features"]
    for feature in document["features"]:
        assert shape(feature["geometry"]).is_valid


def test_ellipses_lie_around_their_fixes(client: TestClient, moving: str, town: Town) -> None:
    features = {f["id"]: f for f in client.get("/api/v1/ues").json()["features"]}
    local = town.radio_map.scene.georeference.to_local
    for feature in client.get("/api/v1/ues?shape=ellipse").json()["features"]:
        fix, properties = features[feature["id"]], feature["properties"]
        assert properties == fix["properties"]
        ring = shape(feature["geometry"]).exterior
        assert ring.is_ccw
        lon, lat = np.array(ring.coords).T
        x, y = local(lat, lon)
        x0, y0 = local(fix["geometry"]["coordinates"][1], fix["geometry"]["coordinates"][0])
        away = np.hypot(x - x0, y - y0)
        assert away.max() == pytest.approx(properties["semi_major_m"], rel=0.01, abs=0.03)
        assert away.min() == pytest.approx(properties["semi_minor_m"], rel=0.01, abs=0.03)
        # The radius of an ellipse in each direction, also where it is nearly a circle.
        turned = np.arctan2(x - x0, y - y0) - np.radians(properties["orientation_deg"])
        major, minor = properties["semi_major_m"], properties["semi_minor_m"]
        radius = major * minor / np.hypot(minor * np.cos(turned), major * np.sin(turned))
        np.testing.assert_allclose(away, radius, rtol=0.01, atol=0.03)


def test_a_track_as_csv_kml_and_moving_features(client: TestClient, moving: str) -> None:
    path = f"/api/v1/ues/{moving}/track"
    features = client.get(path).json()["features"]
    places = [tuple(f["geometry"]["coordinates"]) for f in features]
    table = client.get(path, params={"format": "csv"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [(float(r["lon"]), float(r["lat"])) for r in rows] == places
    assert [row["time"] for row in rows] == [f["properties"]["time"] for f in features]
    tracks = [f["properties"]["track"] for f in features]
    assert any(tracks)
    assert [(r["track_lon"], r["track_lat"], r["track_speed_mps"]) for r in rows] == [
        (*map(str, t["coordinates"]), str(t["speed_mps"])) if t else ("", "", "") for t in tracks
    ]

    kml = client.get(path, params={"format": "kml"})
    assert kml.headers["content-type"] == "application/vnd.google-earth.kml+xml"
    root = ElementTree.fromstring(kml.text)
    gx, kml_space = "{http://www.google.com/kml/ext/2.2}", "{http://www.opengis.net/kml/2.2}"
    track, filtered = root.iter(f"{gx}Track")
    assert [float(c.text.split()[0]) for c in filtered.iter(f"{gx}coord") if c.text] == [
        t["coordinates"][0] for t in tracks if t
    ]
    assert len(list(track.iter(f"{kml_space}when"))) == 4
    assert [float(c.text.split()[0]) for c in track.iter(f"{gx}coord") if c.text] == [
        lon for lon, _ in places
    ]

    moved = client.get(path, params={"format": "mfjson"}).json()
    point = moved["temporalGeometry"]
    assert (moved["type"], point["type"]) == ("Feature", "MovingPoint")
    assert point["datetimes"] == sorted(set(point["datetimes"]))
    assert len(point["coordinates"]) == len(point["datetimes"]) == 3
    raw, filtered = moved["temporalProperties"]
    assert len(raw["accuracy"]["values"]) == 3
    at = dict(zip(filtered["datetimes"], filtered["filtered_longitude"]["values"], strict=True))
    assert at == {
        f["properties"]["time"]: f["properties"]["track"]["coordinates"][0]
        for f in features
        if f["properties"]["track"]
    }
    problem_of(client.get(path, params={"format": "gpx"}), 422, "invalid_request")


def test_tilejson_says_where_the_tiles_are(client: TestClient, town: Town) -> None:
    document = client.get(f"{MAPS}/path_gain/tiles.json?cell=A-0&key=k").json()
    jsonschema.validate(document, TILEJSON, format_checker=jsonschema.FormatChecker())
    west, south, east, north = document["bounds"]
    for corner in client.get("/api/v1/scenes/town").json()["corners"]:
        assert west <= corner[0] <= east and south <= corner[1] <= north
    assert document["tiles"][0].startswith("http://testserver/api/v1/scenes/town/")
    assert document["tiles"][0].endswith("png?cell=A-0&key=k")
    (template,) = document["tiles"]
    tms = morecantile.tms.get("WebMercatorQuad")
    center = document["center"]
    tile = tms.tile(center[0], center[1], document["maxzoom"])
    answer = client.get(template.format(z=tile.z, x=tile.x, y=tile.y))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (256, 256)


def test_tiles_show_the_map_where_it_is(client: TestClient, town: Town) -> None:
    """Every pixel of a tile has the colour of the picture's pixel at the same place; where pixels
    lie is computed by morecantile, independently."""
    picture = np.asarray(
        Image.open(io.BytesIO(client.get(f"{MAPS}/toa.png?cell=A-1").content)).convert("RGBA")
    )[::-1]
    radio_map = town.radio_map
    tms = morecantile.tms.get("WebMercatorQuad")
    zoom = zooms_of(radio_map).max
    lat, lon = radio_map.scene.georeference.to_lat_lon(-20.0, 15.0)
    tile = tms.tile(float(lon), float(lat), zoom)
    response = client.get(f"{MAPS}/toa/tiles/{tile.z}/{tile.x}/{tile.y}.png?cell=A-1")
    shown = np.asarray(Image.open(io.BytesIO(response.content)).convert("RGBA"))
    bounds = tms.xy_bounds(tile)
    for row, column in np.random.default_rng(0).integers(0, 256, (60, 2)):
        x = bounds.left + (column + 0.5) / 256 * (bounds.right - bounds.left)
        y = bounds.top - (row + 0.5) / 256 * (bounds.top - bounds.bottom)
        place = tms.lnglat(x, y)
        east, north = radio_map.scene.georeference.to_local(place.y, place.x)
        at = (
            int((north - radio_map.scene.extent.y_min_m) // radio_map.resolution_m),
            int((east - radio_map.scene.extent.x_min_m) // radio_map.resolution_m),
        )
        inside = min(at) >= 0 and max(at) < len(picture)
        assert tuple(shown[row, column]) == (tuple(picture[at]) if inside else (0, 0, 0, 0))
    etag = response.headers["etag"]
    again = client.get(response.request.url, headers={"if-none-match": etag})
    assert again.status_code == 304


def test_tiles_beyond_the_map_are_empty_and_beyond_the_globe_missing(client: TestClient) -> None:
    for z, x, y in ((0, 0, 0), (3, 0, 0), (14, 0, 16383)):
        answer = client.get(f"{MAPS}/snr/tiles/{z}/{x}/{y}.png")
        pixels = np.asarray(Image.open(io.BytesIO(answer.content)))
        assert (pixels[..., 3] > 0).sum() <= 1
    problem_of(client.get(f"{MAPS}/snr/tiles/1/2/0.png"), 404, "unknown_tile")
    problem_of(client.get(f"{MAPS}/snr/tiles/23/0/0.png"), 422, "invalid_request")
    problem_of(client.get(f"{MAPS}/nothing/tiles/0/0/0.png"), 404, "unknown_feature")
    problem_of(client.get(f"{MAPS}/nothing/tiles.json"), 404, "unknown_feature")


@pytest.fixture(scope="module")
def service(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A process of its own: GDAL holds this one still while it waits for an answer."""
    with Server(settings_of(town, tmp_path_factory.mktemp("formats"))) as server:
        yield server.url


def test_gdal_reads_the_geotiff_over_http_and_finds_it_cloud_optimized(
    service: str, town: Town, tmp_path: Any
) -> None:
    url = f"{service}{MAPS}/toa.tif"
    part = httpx.get(url, headers={"range": "bytes=0-99"}, timeout=30)
    assert (part.status_code, len(part.content)) == (206, 100)
    assert httpx.get(url, headers={"range": "bytes=99999999-"}).status_code == 416
    file = tmp_path / "toa.tif"
    file.write_bytes(httpx.get(url, timeout=30).content)
    valid, errors, _ = cog_validate(str(file))
    assert valid, errors
    with rasterio.open(f"/vsicurl/{url}") as dataset:
        assert dataset.descriptions == tuple(c.cell_id for c in town.radio_map.cells)
        band = dataset.read(2)
        assert np.isnan(dataset.nodata)
        np.testing.assert_array_equal(band[::-1], town_feature(town))
    refused = httpx.get(f"{service}{MAPS}/nothing.tif")
    problem_of(refused, 404, "unknown_feature")


def town_feature(town: Town) -> np.ndarray[Any, Any]:
    """Cell 1's ToA as the map file keeps it."""
    from rayfix.radio_map.store import load_radio_map

    return load_radio_map(town.radio_maps_dir / "town").features["toa"][1]


def test_gdal_reads_the_tiles(service: str, town: Town) -> None:
    """GDAL's own tile client, on the address that TileJSON gives."""
    document = httpx.get(f"{service}{MAPS}/path_gain/tiles.json").json()
    template = document["tiles"][0]
    for name in "zxy":
        template = template.replace(f"{{{name}}}", f"${{{name}}}")
    zoom, edge = document["maxzoom"], 20037508.342789244
    description = (
        f'<GDAL_WMS><Service name="TMS"><ServerUrl>{template}</ServerUrl></Service>'
        f"<DataWindow><UpperLeftX>-{edge}</UpperLeftX><UpperLeftY>{edge}</UpperLeftY>"
        f"<LowerRightX>{edge}</LowerRightX><LowerRightY>-{edge}</LowerRightY>"
        f"<TileLevel>{zoom}</TileLevel><TileCountX>1</TileCountX><TileCountY>1</TileCountY>"
        "<YOrigin>top</YOrigin></DataWindow><Projection>EPSG:3857</Projection>"
        "<BlockSizeX>256</BlockSizeX><BlockSizeY>256</BlockSizeY><BandsCount>4</BandsCount>"
        "</GDAL_WMS>"
    )
    with rasterio.open(description) as dataset:
        x, y = morecantile.tms.get("WebMercatorQuad").xy(*document["center"][:2])
        row, column = dataset.index(x, y)
        window = rasterio.windows.Window(column - 8, row - 8, 16, 16)
        alpha = dataset.read(4, window=window)
    assert (alpha == 255).any()


def test_location_data_of_a_fix(client: TestClient, town: Town) -> None:
    request = {"reports": [town.report(-20, 0, "2026-11-24T12:00:00Z")], "refine": False}
    fix = client.post("/api/v1/locate", json=request).json()["fix"]
    data = client.post("/api/v1/locate?format=lmf", json=request).json()
    estimate = data["locationEstimate"]
    assert estimate["shape"] == "POINT_UNCERTAINTY_ELLIPSE"
    assert estimate["point"] == pytest.approx({"lat": fix["lat"], "lon": fix["lon"]}, abs=1e-7)
    assert estimate["uncertaintyEllipse"]["semiMajor"] == pytest.approx(
        fix["ellipse"]["semi_major_m"], abs=0.01
    )
    assert estimate["confidence"] == round(100 * fix["ellipse"]["confidence"])
    assert data["timestampOfLocationEstimate"] == "2026-11-24T12:00:00.000Z"
    strongest = request["reports"][0]["cells"][0]["cell_id"]
    identity = town.radio_map.cells[town.radio_map.cell_index[strongest]].identity
    assert identity is not None
    assert data["ncgi"] == {
        "plmnId": {"mcc": "262", "mnc": "01"},
        "nrCellId": f"{identity.cell_identity:09x}",
    }
    assert data["ecgi"] is None


def test_location_data_of_lte_and_of_the_far_past() -> None:
    ellipse = EllipseBody(semi_major_m=5, semi_minor_m=2, orientation_deg=179.8, confidence=0.95)
    fix = FixBody(
        lat=48, lon=11, x_m=0, y_m=0, accuracy_m=3, ellipse=ellipse, confidence=1
    )  # fmt: skip
    reports = [Report(time=0.0, cells=(CellMeasurement(cell_id="a", rsrp_dbm=-80),))]
    lte = CellIdentity(radio_type="lte", mcc="001", mnc="01", tac=1, cell_identity=0xABCDEF)
    data = location_data(fix, reports, lte)
    assert data.ecgi is not None and data.ecgi.eutraCellId == "0abcdef"
    assert data.locationEstimate.uncertaintyEllipse.orientationMajor == 0
    assert data.ageOfLocationEstimate == 32_767


def test_large_answers_are_compressed_and_pictures_are_not(client: TestClient, town: Town) -> None:
    request = {"reports": [town.report(0, 0)], "include": ["posterior", "attention"]}
    answer = client.post("/api/v1/locate", json=request)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json()["posterior"]
    plain = client.post("/api/v1/locate", json=request, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in client.get(f"{MAPS}/toa.png").headers
