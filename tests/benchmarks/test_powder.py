"""The benchmark on real data runs on data of its shape, and its figures are what they say."""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import pytest
from benchmarks.real import data, powder
from benchmarks.real.rows import Errors, row

from rayfix.errors import SourceFileError

ORIGIN = (40.765, -111.84)
M_PER_DEG = (111_050.0, 84_400.0)
RECEIVERS = 8
FLOOR_DB = -95.0


def write(folder: Path, samples: int, seed: int) -> Path:
    """Receivers that hear a transmitter by log-distance, waves of shadowing and fading; two days,
    on the second of which one receiver is 12 dB deaf; readings end at a noise floor."""
    folder.mkdir()
    where = np.random.default_rng(0).uniform(-600, 600, (RECEIVERS, 2))
    random = np.random.default_rng(seed)
    places = random.uniform(-700, 700, (samples, 2))
    names = [f"rx{k}" for k in range(RECEIVERS)]

    def degrees(xy: np.ndarray) -> tuple[float, float]:
        return ORIGIN[0] + xy[1] / M_PER_DEG[0], ORIGIN[1] + xy[0] / M_PER_DEG[1]

    with (folder / "receivers.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rx", "lat", "lon"])
        writer.writerows([name, *degrees(xy)] for name, xy in zip(names, where, strict=True))
    with (folder / data.SAMPLES[1]).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sample", "timestamp", "tx_lat", "tx_lon", "indoor", "off_campus", *names])
        for n, xy in enumerate(places):
            away = np.hypot(*(where - xy).T) + 20
            wave = 5 * np.sin(xy[0] / 130 + np.arange(RECEIVERS)) * np.cos(xy[1] / 110)
            level = -60 - 33 * np.log10(away / 100) + wave + random.normal(0, 2, RECEIVERS)
            level[0] -= 12.0 * (n % 2)
            heard = 10 * np.log10(10 ** (level / 10) + 10 ** (FLOOR_DB / 10))
            heard += random.normal(0, 0.5, RECEIVERS)
            time = f"2022-07-{6 + n % 2:02d} 10:{n // 60 % 60:02d}:{n % 60:02d}"
            writer.writerow([n, time, *degrees(xy), 0, 0, *np.round(heard, 2)])
    return folder


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    root = tmp_path_factory.mktemp("powder")
    options = argparse.Namespace(
        path=write(root / "train", 500, 1), test=write(root / "test", 120, 2), resolution=40.0,
        seed=0,
    )  # fmt: skip
    return {str(found["method"]): found for found in powder.run(options)}


def test_every_peer_and_ablation_is_there(rows: dict[str, dict[str, object]]) -> None:
    peers = {
        "strongest site", "cell centroid", "kNN", "ExtraTrees", "grid posterior, kriged",
        "grid posterior, log-distance",
    }  # fmt: skip
    assert set(rows) == peers | {variant.name for variant in powder.VARIANTS}
    for found in rows.values():
        assert found["split"] == "given"
        low, high = found["intervals"]["median_m"]  # type: ignore[index]
        assert low <= found["median_m"] <= high  # type: ignore[operator]


def test_ours_is_ahead_and_states_its_error(rows: dict[str, dict[str, object]]) -> None:
    ours = rows["ours"]
    for peer in ("strongest site", "cell centroid", "ExtraTrees"):
        assert ours["median_m"] < rows[peer]["median_m"]  # type: ignore[operator]
    assert ours["median_m"] < rows["ours without kriged residual"]["median_m"]  # type: ignore[operator]
    assert 0.5 < ours["inside_68"] < 0.95  # type: ignore[operator]
    assert ours["inside_95"] > 0.85  # type: ignore[operator]


def test_a_day_is_a_track_and_its_offset_is_found(tmp_path: Path) -> None:
    from rayfix.calibration.measured_map import level_offsets, scene_around

    found = data.load(write(tmp_path / "data", 300, 3))
    scene = scene_around("powder", "", found.drive_test, 40.0)
    offset = level_offsets(found.drive_test, scene, found.cells(scene))
    assert offset.shape == (2, RECEIVERS)
    assert 5.0 < offset[0, 0] - offset[1, 0] < 14.0  # less than 12 dB where the floor hides it
    assert np.abs(offset[:, 1:]).max() < 1.5


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match=r"receivers\.csv"):
        data.load(tmp_path)


def test_intervals_come_from_blocks() -> None:
    """A thousand samples of one block tell as little as one: no interval without other blocks."""
    xy = np.full((1000, 2), 50.0)
    error = Errors.of_points(xy + np.random.default_rng(0).normal(0, 30, (1000, 2)), xy)
    found = row("any", "blocks", error, 0)
    assert found["blocks"] == 1
    assert found["intervals"]["median_m"][0] == found["intervals"]["median_m"][1]
    assert found["inside_68"] is None
