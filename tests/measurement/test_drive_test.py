"""Drive tests: matrices, selection, and the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.measurement.drive_test import DriveTest, load_drive_test, save_drive_test
from rayfix.measurement.report import QUANTITIES

RSRP = QUANTITIES.index("rsrp_dbm")


@pytest.fixture
def drive() -> DriveTest:
    """Three moments of two cells; B is silent at the first, not listened for at the last."""
    values = np.full((5, len(QUANTITIES)), np.nan, np.float32)
    values[:, RSRP] = [-80, -120, -90, -100, -70]
    return DriveTest(
        time_s_M=np.array([10.0, 11.0, 12.0]),
        lat_deg_M=np.array([48.0, 48.1, 48.2]),
        lon_deg_M=np.array([11.0, 11.1, 11.2]),
        track_M=np.array([0, 0, 1]),
        tracks=("morning", "evening"),
        cell_ids=("A", "B"),
        moment_R=np.array([0, 0, 1, 1, 2]),
        cell_R=np.array([0, 1, 0, 1, 0]),
        heard_R=np.array([True, False, True, True, True]),
        values_RQ=values,
        unlisted="unknown",
    )


def test_matrices(drive: DriveTest) -> None:
    np.testing.assert_array_equal(
        drive.matrix("rsrp_dbm"), [[-80, -120], [-90, -100], [-70, np.nan]]
    )
    np.testing.assert_array_equal(drive.heard_MC, [[True, False], [True, True], [True, False]])
    np.testing.assert_array_equal(drive.listened_MC, [[True, True], [True, True], [True, False]])
    with pytest.raises(InvalidInputError, match="quantity"):
        drive.matrix("loudness")


def test_selection_keeps_readings_with_their_moments(drive: DriveTest) -> None:
    picked = drive[np.array([2, 0])]
    np.testing.assert_array_equal(picked.time_s_M, [12.0, 10.0])
    np.testing.assert_array_equal(picked.matrix("rsrp_dbm"), [[-70, np.nan], [-80, -120]])
    masked = drive[drive.lat_deg_M > 48.05]
    np.testing.assert_array_equal(masked.matrix("rsrp_dbm"), [[-90, -100], [-70, np.nan]])


def test_cells_in_another_order(drive: DriveTest) -> None:
    other = drive.with_cells(["B", "X", "A"])
    assert np.isnan(other.matrix("rsrp_dbm")[:, 1]).all()
    np.testing.assert_array_equal(other.matrix("rsrp_dbm")[:, 2], [-80, -90, -70])
    assert drive.with_cells(["A"]).heard_MC.all()


def test_batch_holds_heard_cells_only(drive: DriveTest) -> None:
    batch = drive.to_batch()
    assert batch.cell_BTN.shape == (3, 1, 2)
    np.testing.assert_array_equal(batch.cell_BTN[:, 0], [[0, -1], [0, 1], [0, -1]])
    assert batch.values_BTNQ[1, 0, 1, RSRP] == -100


def test_file_round_trip_and_damage(drive: DriveTest, tmp_path: Path) -> None:
    path = save_drive_test(drive, tmp_path / "log.zarr.zip")
    back = load_drive_test(path)
    np.testing.assert_array_equal(back.values_RQ, drive.values_RQ)
    np.testing.assert_array_equal(back.heard_R, drive.heard_R)
    assert (back.cell_ids, back.tracks, back.unlisted) == (("A", "B"), drive.tracks, "unknown")
    assert [file.name for file in tmp_path.iterdir()] == ["log.zarr.zip"]
    content = bytearray(path.read_bytes())
    middle = content.find(b"values/c")
    content[middle + 60] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match=r"log\.zarr\.zip"):
        load_drive_test(path)
    with pytest.raises(ArtefactError, match="missing"):
        load_drive_test(tmp_path / "none.zarr.zip")
    with pytest.raises(InvalidInputError, match=r"zarr\.zip"):
        save_drive_test(drive, tmp_path / "log.csv")
