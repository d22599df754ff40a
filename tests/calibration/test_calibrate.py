"""From a log file to a new version of a map, without ray tracing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.calibration.open_town import altered, path_gain_db, places, town

from rayfix.calibration.commands import calibrate_files
from rayfix.calibration.report import describe
from rayfix.errors import InvalidInputError
from rayfix.radio_map.store import load_radio_map, save_radio_map
from rayfix.radio_map.versions import activate_version, list_versions
from rayfix.scene.cell import Cell


def write_log(
    path: Path, real: tuple[Cell, ...], xy_m_N2: np.ndarray, shift_deg: float = 0.0
) -> Path:
    """A table with RayFix's names; every cell at every place, 1 dB of error."""
    random = np.random.default_rng(2)
    lat, lon = town(50.0).scene.georeference.to_lat_lon(xy_m_N2[:, 0], xy_m_N2[:, 1])
    lines = ["time,lat,lon,cell_id,rsrp_dbm"]
    for cell in real:
        rsrp = path_gain_db(cell, xy_m_N2) + cell.energy_per_resource_element_dbm
        rsrp = rsrp + random.standard_normal(len(rsrp))
        lines += [
            f"{1.7e9 + n},{lat[n] + shift_deg:.7f},{lon[n]:.7f},{cell.cell_id},{rsrp[n]:.1f}"
            for n in range(len(rsrp))
        ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def maps_dir(tmp_path: Path) -> Path:
    save_radio_map(tmp_path / "maps" / "open", town())
    return tmp_path / "maps"


def test_a_drive_test_becomes_a_version(tmp_path: Path, maps_dir: Path) -> None:
    real = altered(A_0={"power_dbm": 5.0}, B_0={"bearing_deg": 60.0})
    log = write_log(tmp_path / "drive.csv", real, places(60, 5))
    found = calibrate_files("open", log, radio_maps_dir=maps_dir, max_cells=64)
    rows = {row["cell_id"]: row for row in found["cells"]}
    assert rows["A-0"]["power_db"] == pytest.approx(5.0, abs=1.5)
    assert rows["B-0"]["bearing_contradicts_site_list"]
    assert not rows["A-0"]["bearing_contradicts_site_list"]
    assert found["rms_after_db"] < 0.7 * found["rms_before_db"]
    assert "contradicts the site list" in describe(found)

    calibrated = load_radio_map(maps_dir / "open")
    assert calibrated.cells[3].bearing_deg == pytest.approx(80.0, abs=6.0)
    fresh = places(50, 99)
    expected = path_gain_db(real[3], fresh) + real[3].energy_per_resource_element_dbm
    row = np.searchsorted(calibrated.y_m, fresh[:, 1] - 5.0)
    column = np.searchsorted(calibrated.x_m, fresh[:, 0] - 5.0)
    error = calibrated.rsrp_dbm[3, row, column] - expected
    assert np.median(np.abs(error)) < 1.5
    assert np.nanmedian(calibrated.extra["path_gain_stderr"]) < 3.0

    versions = list_versions(maps_dir / "open")
    assert [v.current for v in versions] == [False, True]
    assert versions[1].provenance["fixes"] == 60
    activate_version(maps_dir / "open", 1)
    assert load_radio_map(maps_dir / "open").cells[3].bearing_deg == 20.0


def test_a_dry_run_writes_nothing(tmp_path: Path, maps_dir: Path) -> None:
    log = write_log(tmp_path / "drive.csv", altered(), places(20, 5))
    before = (maps_dir / "open" / "manifest.json").read_bytes()
    found = calibrate_files("open", log, radio_maps_dir=maps_dir, max_cells=64, dry_run=True)
    assert found["version"] is None
    assert (maps_dir / "open" / "manifest.json").read_bytes() == before
    assert list_versions(maps_dir / "open") == []


def test_a_log_from_elsewhere_is_refused_with_its_counts(tmp_path: Path, maps_dir: Path) -> None:
    log = write_log(tmp_path / "drive.csv", altered(), places(20, 5), shift_deg=1.0)
    with pytest.raises(InvalidInputError, match="20 outside the map"):
        calibrate_files("open", log, radio_maps_dir=maps_dir)


def test_unknown_cells_are_counted(tmp_path: Path, maps_dir: Path) -> None:
    stranger = altered()[0].model_copy(update={"cell_id": "X-1"})
    log = write_log(tmp_path / "drive.csv", (*altered(), stranger), places(12, 5))
    found = calibrate_files("open", log, radio_maps_dir=maps_dir, max_cells=64, dry_run=True)
    assert found["unknown_cells"] == {"X-1": 12}
    assert "X-1" in describe(found)
