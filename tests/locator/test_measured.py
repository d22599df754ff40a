"""A measured map in the locator: made, stored, loaded, located on, and shown."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from rayfix.calibration.measured_map import DRIVE_TEST, measure, noise_of, scene_around
from rayfix.errors import InvalidInputError, SourceFileError
from rayfix.locator.drive_points import drive_points
from rayfix.locator.loaded_scene import LoadedScene, load_scene
from rayfix.locator.measured import MeasuredOnMap, locate_measured
from rayfix.measurement.drive_test import DriveTest, load_drive_test
from rayfix.measurement.import_log import read_log
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.image import describe_image, render_png

SITES = {"A": (48.0, 11.0), "B": (48.006, 11.0), "C": (48.003, 11.008)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 400 places around three omnidirectional sites, made into a map."""
    root = tmp_path_factory.mktemp("measured")
    random = np.random.default_rng(0)
    with (root / "log.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "lat", "lon", "cell_id", "rsrp_dbm"])
        for t in range(400):
            lat, lon = random.uniform(47.998, 48.008), random.uniform(10.997, 11.011)
            for name, (site_lat, site_lon) in SITES.items():
                away = np.hypot((lat - site_lat) * 111e3, (lon - site_lon) * 74e3) + 20
                level = -75 - 35 * np.log10(away / 100) + random.normal(0, 3)
                if level > -105:
                    writer.writerow([t, lat, lon, name, round(level, 2)])
    with (root / "sites.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["cell_id", "lat", "lon"])
        writer.writerows([name, *place] for name, place in SITES.items())
    return measure(root / "log.csv", root / "sites.csv", "town", root, resolution_m=40.0)


@pytest.fixture(scope="module")
def loaded(folder: Path) -> LoadedScene:
    return load_scene(folder)


def test_map_has_what_was_measured_and_nothing_else(loaded: LoadedScene) -> None:
    assert set(loaded.radio_map.features) == {"path_gain"}
    assert [layer.name for layer in loaded.radio_map.layers] == [
        "path_gain", "path_gain_stderr", "detection",
    ]  # fmt: skip
    maps = MapTensors.from_radio_map(loaded.radio_map)
    assert maps.known_F.tolist() == [True, *[False] * 6]
    detection = loaded.radio_map.extra["detection"]
    assert 0 <= np.nanmin(detection) < 0.5 < np.nanmax(detection) <= 1


def test_bearings_that_nobody_knows_are_not_told(loaded: LoadedScene) -> None:
    assert loaded.bearings_deg == (None,) * len(SITES)


def test_locates_within_what_it_states(loaded: LoadedScene) -> None:
    drive = loaded.drive_test
    assert drive is not None
    noise = noise_of(loaded.radio_map)
    assert noise is not None
    ready = MeasuredOnMap.prepare(MapTensors.from_radio_map(loaded.radio_map), noise)
    some = drive[np.arange(0, len(drive), 4)]
    found = locate_measured(ready, some.to_batch())
    x, y = loaded.radio_map.scene.georeference.to_local(some.lat_deg_M, some.lon_deg_M)
    error = np.hypot(found.fix.xy_m_B2[:, 0].numpy() - x, found.fix.xy_m_B2[:, 1].numpy() - y)
    assert np.median(error) < 150
    assert 0.5 < (error <= found.fix.radius_68_m_B.numpy()).mean() < 0.95
    np.testing.assert_allclose(found.posterior_BP.sum(-1), 1, atol=1e-4)
    pixels = locate_measured(ready, some.to_batch(), pixels=True).pixel_posterior_BYX
    assert pixels is not None
    by_cell = ready.grid.by_cell(ready.grid.pad(pixels)).sum(-1)
    np.testing.assert_allclose(by_cell, found.posterior_BP, atol=1e-4)


def test_layers_are_drawn(loaded: LoadedScene) -> None:
    for name in ("path_gain", "path_gain_stderr", "detection"):
        assert render_png(loaded.radio_map, name, "A").startswith(b"\x89PNG")
        assert describe_image(loaded.radio_map, name, "A")["feature"] == name
    with pytest.raises(InvalidInputError, match="path_gain, path_gain_stderr, detection"):
        render_png(loaded.radio_map, "toa", "A")


def test_points_carry_residuals(loaded: LoadedScene) -> None:
    points = json.loads(loaded.drive_points("A"))["features"]
    residual = np.array([p["properties"]["residual_db"] for p in points])
    assert abs(residual.mean()) < 1.5
    assert residual.std() < 6
    best = json.loads(loaded.drive_points("best"))["features"]
    assert {p["properties"]["cell_id"] for p in best} == set(SITES)
    assert loaded.drive_test is not None
    with pytest.raises(InvalidInputError, match="no cell 'Z'"):
        drive_points(loaded.radio_map, loaded.drive_test, "Z")


def test_refusals(folder: Path, tmp_path: Path) -> None:
    drive: DriveTest = load_drive_test(folder / DRIVE_TEST)
    with pytest.raises(InvalidInputError, match="name"):
        scene_around("No Good", "", drive, 40.0)
    sites = tmp_path / "sites.csv"
    sites.write_text("cell_id,lat,lon\nX,48,11\n")
    log = folder.parent / "log.csv"
    with pytest.raises(InvalidInputError, match="no cell of the log"):
        measure(log, sites, "town", tmp_path)
    sites.write_text("cell_id,lat,lon\nA,98,11\n")
    with pytest.raises(SourceFileError, match="line 2: lat 98"):
        measure(log, sites, "town", tmp_path)
    assert read_log(log).cell_ids == ("A", "B", "C")
