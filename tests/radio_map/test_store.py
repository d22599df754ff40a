from __future__ import annotations

import json
import resource
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr

from rayfix.errors import ArtefactError, DiskFullError
from rayfix.radio_map.radio_map import FEATURE_NAMES, FEATURES, RadioMap
from rayfix.radio_map.store import STEPS, load_radio_map, round_to_step, save_radio_map
from rayfix.scene.scene import Extent
from rayfix.units import wrap_deg

BUILDINGS = '{"type":"FeatureCollection","features":[]}\n'


@pytest.fixture
def folder(tmp_path: Path, radio_map: RadioMap) -> Path:
    folder = tmp_path / "square"
    folder.mkdir()
    (folder / "buildings.geojson").write_text(BUILDINGS)
    save_radio_map(folder, radio_map)
    return folder


def test_round_trip_keeps_everything_within_half_a_step(folder: Path, radio_map: RadioMap) -> None:
    loaded = load_radio_map(folder)
    assert loaded.scene == radio_map.scene
    assert loaded.cells == radio_map.cells
    assert loaded.attributes == radio_map.attributes
    np.testing.assert_array_equal(loaded.x_m, radio_map.x_m)
    np.testing.assert_array_equal(loaded.y_m, radio_map.y_m)
    np.testing.assert_array_equal(loaded.building_height_m, radio_map.building_height_m)
    np.testing.assert_array_equal(loaded.extra["los"], radio_map.extra["los"])
    for name in FEATURE_NAMES:
        before, after = radio_map.features[name], loaded.features[name]
        assert after.dtype == np.float32
        np.testing.assert_array_equal(np.isnan(before), np.isnan(after))
        difference = after - before if name != "aoa" else wrap_deg(after - before)
        # float32 of a number of thousands carries about 1e-4
        assert np.nanmax(np.abs(difference)) <= STEPS[name] / 2 + 1e-4
    assert STEPS["path_gain"] / 2 <= 0.05


def test_angles_stay_below_360(tmp_path: Path, radio_map: RadioMap) -> None:
    aoa = np.full_like(radio_map.features["aoa"], 359.99)
    save_radio_map(tmp_path / "m", replace(radio_map, features={**radio_map.features, "aoa": aoa}))
    stored = load_radio_map(tmp_path / "m").features["aoa"]
    assert (stored == 0.0).all()


def test_rounding_leaves_low_bits_zero() -> None:
    values = np.random.default_rng(0).normal(-100, 20, 1000).astype(np.float32)
    bits = round_to_step(values, 2**-4).view(np.uint32)
    assert (bits & 0xFFF == 0).all()  # 2^-4 of values below 256 needs 12 of the 23 bits at most


def test_layout_is_what_the_contract_names(folder: Path, radio_map: RadioMap) -> None:
    group = zarr.open_group(folder / "maps.zarr", mode="r")
    assert group.metadata.zarr_format == 3
    for feature in FEATURES:
        array = group[feature.name]
        assert array.metadata.dimension_names == ("cell", "y", "x")
        assert array.attrs["units"] == feature.unit
        assert np.isnan(array.fill_value)
        assert np.isnan(array[:]).any()
        assert array.attrs["spatial:transform"] == [1.0, 0.0, -10.0, 0.0, 1.0, -20.0]
        assert array.attrs["_CRS"]["wkt"].startswith("PROJCRS")
        codecs = json.loads((folder / "maps.zarr" / feature.name / "zarr.json").read_text())
        assert "crc32c" in json.dumps(codecs["codecs"])
    assert "power" in group["snr"].attrs["comment"]
    assert "PHY abstraction" in group["bler"].attrs["comment"]
    assert group["building_height"].metadata.dimension_names == ("y", "x")
    assert [str(name) for name in group["cell"][:]] == [cell.cell_id for cell in radio_map.cells]


def test_xarray_opens_it_with_coordinates(folder: Path, radio_map: RadioMap) -> None:
    import xarray

    dataset = xarray.open_zarr(folder / "maps.zarr")
    here = dataset.path_gain.sel(cell="A-1").sel(x=30.2, y=-5.1, method="nearest")
    row, column = np.abs(radio_map.y_m + 5.1).argmin(), np.abs(radio_map.x_m - 30.2).argmin()
    assert float(here) == pytest.approx(radio_map.features["path_gain"][1, row, column], abs=0.04)
    assert dataset.path_gain.attrs["grid_mapping"] == "spatial_ref"
    assert "crs_wkt" in dataset.spatial_ref.attrs


def test_saving_again_replaces_the_map_and_keeps_other_files(
    folder: Path, radio_map: RadioMap
) -> None:
    (folder / "notes.txt").write_text("mine")
    save_radio_map(folder, replace(radio_map, attributes={"seed": 8}))
    assert load_radio_map(folder).attributes == {"seed": 8}
    assert (folder / "notes.txt").read_text() == "mine"
    assert (folder / "buildings.geojson").read_text() == BUILDINGS
    assert [p.name for p in folder.parent.iterdir()] == ["square"]


def test_a_failed_save_leaves_the_earlier_map(folder: Path, radio_map: RadioMap) -> None:
    broken = replace(radio_map, attributes={"not JSON": object()})
    with pytest.raises(TypeError):
        save_radio_map(folder, broken)
    assert load_radio_map(folder).attributes == radio_map.attributes
    assert [p.name for p in folder.parent.iterdir()] == ["square"]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_flipped_byte_anywhere_is_refused_and_named(folder: Path) -> None:
    random = np.random.default_rng(1)
    files = _files(folder)
    assert len(files) > 20
    for file in files:
        original = file.read_bytes()
        places = {0, len(original) - 1, *random.integers(0, len(original), 4).tolist()}
        for place in places:
            damaged = bytearray(original)
            damaged[place] ^= 1 << int(random.integers(0, 8))
            file.write_bytes(damaged)
            with pytest.raises(ArtefactError) as caught:
                load_radio_map(folder)
            assert caught.value.path == file, f"byte {place} of {file.name}"
        file.write_bytes(original)
    load_radio_map(folder)


def test_a_missing_or_truncated_file_is_refused_and_named(folder: Path) -> None:
    for file in _files(folder):
        original = file.read_bytes()
        for damage in (lambda f: f.unlink(), lambda f: f.write_bytes(f.read_bytes()[:-1])):
            damage(file)
            with pytest.raises(ArtefactError) as caught:
                load_radio_map(folder)
            assert caught.value.path == file
            assert str(file) in str(caught.value)
            file.write_bytes(original)
    load_radio_map(folder)


def test_a_file_that_was_not_written_is_refused(folder: Path) -> None:
    extra = folder / "maps.zarr" / "path_gain" / "c" / "0" / "0" / "1"
    shutil.copy(extra.with_name("0"), extra)
    with pytest.raises(ArtefactError, match="not part of the map") as caught:
        load_radio_map(folder)
    assert caught.value.path == extra


def test_cells_of_another_map_are_refused(folder: Path) -> None:
    cells = folder / "cells.yaml"
    cells.write_text(cells.read_text().replace("power_dbm: 44.0", "power_dbm: 43.0"))
    with pytest.raises(ArtefactError) as caught:
        load_radio_map(folder)
    assert caught.value.path == cells


def test_no_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="there is no radio map here"):
        load_radio_map(tmp_path / "nowhere")


def test_a_one_metre_map_loads_within_two_seconds(tmp_path: Path, radio_map: RadioMap) -> None:
    """512 x 512 pixels, 15 cells: every value differs from its neighbours, as after tracing."""
    random = np.random.default_rng(2)
    extent = radio_map.scene.extent.model_copy(
        update={"x_min_m": -256.0, "x_max_m": 256.0, "y_min_m": -256.0, "y_max_m": 256.0}
    )
    x_m, y_m = extent.pixel_centres(1.0)
    base = random.normal(0.0, 1.0, (512, 512)).astype(np.float32)
    open_sky = np.where(random.random((1, 32, 32)) < 0.5, np.nan, 1.0).astype(np.float32)
    mask = open_sky.repeat(16, axis=1).repeat(16, axis=2)
    values = (-100.0 + base * np.linspace(1, 2, 15, dtype=np.float32)[:, None, None]) * mask
    big = replace(
        radio_map,
        scene=radio_map.scene.model_copy(update={"extent": extent}),
        cells=tuple(
            radio_map.cells[0].model_copy(update={"cell_id": str(number)}) for number in range(15)
        ),
        x_m=x_m,
        y_m=y_m,
        features=dict.fromkeys(FEATURE_NAMES, values),
        building_height_m=np.zeros((512, 512), np.float32),
        extra={},
    )
    save_radio_map(tmp_path / "big", big)
    started = time.process_time()  # of all threads, so that other programs do not count
    load_radio_map(tmp_path / "big")
    assert time.process_time() - started < 2.0
    assert sum(file.stat().st_size for file in _files(tmp_path / "big")) < 60e6


def test_a_map_of_several_windows_is_stored_whole(tmp_path: Path, radio_map: RadioMap) -> None:
    """600 x 530 pixels: four files per array, each value in its place."""
    extent = Extent(x_min_m=0, x_max_m=600, y_min_m=0, y_max_m=530)
    x_m, y_m = extent.pixel_centres(1.0)
    place = (x_m[None, :] + 1000.0 * y_m[:, None]).astype(np.float32)
    gain = np.stack([place % 97 - 130, place % 89 - 130, place % 83 - 130]).astype(np.float32)
    wide = replace(
        radio_map,
        scene=radio_map.scene.model_copy(update={"extent": extent}),
        x_m=x_m,
        y_m=y_m,
        features={"path_gain": gain},
        building_height_m=(place % 7).astype(np.float32),
        extra={"path_gain_stderr": np.abs(gain) / 100, "los": np.sign(gain)},
    )
    save_radio_map(tmp_path / "wide", wide)
    shards = [f for f in (tmp_path / "wide/maps.zarr/path_gain").rglob("*") if f.is_file()]
    assert len(shards) == 1 + 4  # metadata and windows
    loaded = load_radio_map(tmp_path / "wide")
    np.testing.assert_array_equal(loaded.features["path_gain"], gain)
    assert set(loaded.features) == {"path_gain"}  # nothing is invented
    np.testing.assert_array_equal(loaded.building_height_m, wide.building_height_m)
    error = np.abs(loaded.extra["path_gain_stderr"] - wide.extra["path_gain_stderr"])
    assert error.max() <= STEPS["path_gain_stderr"] / 2 + 1e-6
    only = load_radio_map(tmp_path / "wide", extra=("path_gain_stderr", "detection"))
    assert set(only.extra) == {"path_gain_stderr"}
    assert load_radio_map(tmp_path / "wide", extra=()).extra == {}


def test_a_full_disk_is_one_sentence_and_leaves_the_map(folder: Path, radio_map: RadioMap) -> None:
    """A limit on file sizes stands for a full disk: both end in a refused write."""
    louder = replace(
        radio_map,
        features={name: values + 1 for name, values in radio_map.features.items()},
    )
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9000, before[1]))
    try:
        with pytest.raises(DiskFullError, match="what was there before is unchanged") as caught:
            save_radio_map(folder, louder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert caught.value.path == folder
    assert [p.name for p in folder.parent.iterdir()] == ["square"]
    np.testing.assert_array_equal(
        np.isnan(load_radio_map(folder).features["snr"]), np.isnan(radio_map.features["snr"])
    )
    assert load_radio_map(folder).features["snr"][0, 0, 0] == pytest.approx(
        radio_map.features["snr"][0, 0, 0], abs=0.04
    )


def test_roads_and_water_lie_beside_the_map(tmp_path: Path, radio_map: RadioMap) -> None:
    channels = tmp_path / "channels"
    channels.mkdir()
    for name in ("buildings", "roads", "water"):
        (channels / f"{name}.geojson").write_text(BUILDINGS)
    save_radio_map(tmp_path / "m", radio_map, channels=channels)
    assert (tmp_path / "m" / "roads.geojson").read_text() == BUILDINGS
    save_radio_map(tmp_path / "m", radio_map)  # saving again keeps them
    (tmp_path / "m" / "water.geojson").write_text(BUILDINGS + " ")
    with pytest.raises(ArtefactError) as caught:
        load_radio_map(tmp_path / "m")
    assert caught.value.path == tmp_path / "m" / "water.geojson"
