"""The committed map of Munich: readable, in place, and true to exact paths."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.features import rasterize
from rasterio.warp import transform_geom

from rayfix.radio_map.check import check_radio_map
from rayfix.radio_map.export import export_cog
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.store import load_radio_map
from rayfix.scene.builtin import builtin_scene
from rayfix.simulation.exact_paths import PathsConfig

FOLDER = Path(__file__).parents[2] / "radio_maps" / "munich"


@pytest.fixture(scope="module")
def munich() -> RadioMap:
    return load_radio_map(FOLDER)


def test_it_is_the_built_in_scene_with_five_to_seven_sites(munich: RadioMap) -> None:
    assert munich.scene == builtin_scene("munich")
    assert 5 <= len({cell.site_id for cell in munich.cells}) <= 7
    assert {cell.carrier_hz for cell in munich.cells} == {3.5e9}
    assert {cell.bandwidth_hz for cell in munich.cells} == {100e6}
    assert munich.resolution_m == 2.0
    assert sum(file.stat().st_size for file in FOLDER.rglob("maps.zarr/**/*")) < 10e6


def test_it_agrees_with_exact_paths(munich: RadioMap) -> None:
    """Bars of the map against exact paths, with room for the few receivers of a quick test."""
    report = check_radio_map(
        FOLDER, receivers=40, seed=11, paths=PathsConfig(rays_per_site=200_000)
    )
    gain, toa, aoa = (report[name] for name in ("path_gain_db", "toa_ns", "aoa_deg"))
    assert gain["n"] > 100
    assert abs(gain["median_diff"]) <= 0.5
    assert gain["robust_spread"] <= 2.0
    assert abs(toa["median_diff"]) <= 4.0
    assert toa["robust_spread"] <= 6.0
    assert abs(aoa["median_diff"]) <= 0.5
    assert aoa["robust_spread"] <= 2.0
    assert report["heard_agreement"] >= 0.9


def test_buildings_and_map_lie_on_each_other(munich: RadioMap) -> None:
    """Footprints in latitude and longitude cover the pixels that the ray tracer found indoors."""
    features = json.loads((FOLDER / "buildings.geojson").read_text(encoding="utf-8"))["features"]
    footprints = shapely.union_all([shapely.geometry.shape(f["geometry"]) for f in features])
    shapely.prepare(footprints)
    grid_x, grid_y = np.meshgrid(munich.x_m, munich.y_m)
    lat, lon = munich.scene.georeference.to_lat_lon(grid_x, grid_y)
    covered = shapely.contains_xy(footprints, lon, lat)
    assert (covered == ~munich.outdoor).mean() > 0.99


def test_names_of_landmarks_survive(munich: RadioMap) -> None:
    features = json.loads((FOLDER / "buildings.geojson").read_text(encoding="utf-8"))["features"]
    tallest = max(features, key=lambda feature: feature["properties"]["height_m"])
    assert tallest["properties"]["name"] == "Frauenkirche"
    assert 90 < tallest["properties"]["height_m"] < 100


def test_gdal_puts_the_geotiff_where_the_buildings_stand(tmp_path: Path, munich: RadioMap) -> None:
    """Footprints, brought from WGS 84 into the file's CRS by GDAL, cover its empty pixels best
    where they lie: moved by one pixel in any direction they cover fewer."""
    (path,) = export_cog(munich, tmp_path, ["path_gain"])
    features = json.loads((FOLDER / "buildings.geojson").read_text(encoding="utf-8"))["features"]
    with rasterio.open(path) as dataset:
        assert dataset.crs.is_projected
        assert dataset.res == (2.0, 2.0)
        empty = np.isnan(dataset.read()).all(axis=0)
        shapes = transform_geom("EPSG:4326", dataset.crs, [f["geometry"] for f in features])
        footprints = rasterize(shapes, out_shape=empty.shape, transform=dataset.transform) > 0

    def agreement(rows: int, columns: int) -> float:
        moved = np.roll(footprints, (rows, columns), axis=(0, 1))
        return float((moved == empty)[3:-3, 3:-3].mean())

    shifts = [(rows, columns) for rows in (-1, 0, 1) for columns in (-1, 0, 1)]
    assert max(shifts, key=lambda shift: agreement(*shift)) == (0, 0)
    assert agreement(0, 0) > 0.85
