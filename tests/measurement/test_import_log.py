"""Logs of several kinds: what is kept, what is dropped, and that it is said."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rayfix.cli import app
from rayfix.errors import ConfigError, SourceFileError
from rayfix.measurement.drive_test import load_drive_test
from rayfix.measurement.import_log import import_log, read_log
from rayfix.measurement.log_mapping import LogMapping, load_mapping, mapping_for
from rayfix.scene.cell import Cell, CellIdentity
from rayfix.scene.scene import Extent, Scene

SCENE = Scene(
    name="town", title="Town", geometry="builtin:none", origin_lat_deg=48.0, origin_lon_deg=11.0,
    extent=Extent(x_min_m=-500, x_max_m=500, y_min_m=-500, y_max_m=500),
)  # fmt: skip
CELLS = (
    Cell(
        cell_id="A", site_id="A", x_m=0, y_m=0, z_m=20, bearing_deg=0, pci=7,
        identity=CellIdentity(radio_type="lte", mcc="262", mnc="01", tac=5, cell_identity=1234),
    ),
    Cell(cell_id="B", site_id="B", x_m=99, y_m=0, z_m=20, bearing_deg=0, pci=8),
)  # fmt: skip


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_long_table_with_own_names(tmp_path: Path) -> None:
    log = write(
        tmp_path / "log.csv",
        "time,lat,lon,cell_id,rsrp_dbm,rsrq_db\n"
        "2026-11-24T10:00:00Z,48.0,11.0,A,-80,-10\n"
        "2026-11-24T10:00:00Z,48.0,11.0,B,-90,\n"
        "2026-11-24T10:00:00Z,48.0,11.0,B,-90,\n"  # duplicate
        "2026-11-24T10:00:00Z,48.0,11.0,A,-81,-10\n"  # the same cell again
        "2026-11-24T10:00:01Z,48.0,11.0,A,2147483647,-11\n"  # Java's "no value"
        "2026-11-24T10:00:02Z,48.0,11.0,A,-999,\n"
        "2026-11-24T10:00:03Z,,,A,-80,\n"
        "2026-11-24T10:00:04Z,0,0,A,-80,\n"
        "2026-11-24T10:00:05Z,48.0,11.0,A,12,\n"
        "yesterday,48.0,11.0,A,-80,\n"
        "2026-11-24T10:00:06Z,48.0,11.0,,-80,\n"
        "2026-11-24T10:00:07Z,48.0,11.0,C,-80,\n",
    )
    drive, summary = import_log(log, cells=CELLS, scene=SCENE)
    assert (len(drive), summary.rows, summary.readings) == (2, 12, 3)
    np.testing.assert_array_equal(drive.matrix("rsrp_dbm"), [[-80, -90], [np.nan, np.nan]])
    np.testing.assert_array_equal(drive.matrix("rsrq_db")[:, 0], [-10, -11])
    assert drive.time_s_M[0] == 1795514400.0
    assert summary.dropped_rows == {"no position": 2, "time not readable": 1}
    assert summary.dropped_readings == {
        "duplicate": 1,
        "cell twice at one moment with other values, the first counts": 1,
        "no value": 2,
        "no cell": 1,
    }
    assert summary.dropped_values == {
        "rsrp_dbm: a number that means no value": 2,
        "rsrp_dbm outside -160 to 0": 1,
    }
    assert summary.unknown_cells == {"C": 1}
    assert "not in the site list" in summary.describe()
    assert read_log(log).cell_ids == ("A", "B", "C")


def test_time_zone_that_is_missing_is_said(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "time,lat,lon,cell_id,rsrp_dbm\n2026-07-01 12:00,48,11,A,-80")
    drive, summary = import_log(log)
    assert drive.time_s_M[0] == 1782907200.0
    assert ["1 times carry no zone" in note for note in summary.notes] == [True]
    vienna = LogMapping(quantities={"rsrp_dbm": "rsrp_dbm"}, time_zone="Europe/Vienna")  # type: ignore[dict-item]
    drive, summary = import_log(log, vienna)
    assert drive.time_s_M[0] == 1782907200.0 - 7200
    assert not summary.notes


def test_exchanged_coordinates_are_refused_and_never_exchanged_silently(tmp_path: Path) -> None:
    log = write(
        tmp_path / "log.csv", "time,lat,lon,cell_id,rsrp_dbm\n1,11,48,A,-80\n2,11,48.001,A,-81\n"
    )
    with pytest.raises(SourceFileError, match="exchanged in 2 of 2 rows"):
        import_log(log, scene=SCENE)
    mapping = LogMapping.model_validate(
        {"quantities": {"rsrp_dbm": "rsrp_dbm"}, "swap_lat_lon": True}
    )
    drive, _ = import_log(log, mapping, scene=SCENE)
    np.testing.assert_array_equal(drive.lat_deg_M, [48, 48.001])
    anywhere = write(tmp_path / "utah.csv", "time,lat,lon,cell_id,rsrp_dbm\n1,-111.8,40.7,A,-80\n")
    with pytest.raises(SourceFileError, match="exchanged"):
        import_log(anywhere)


def test_wide_table_where_a_number_means_not_heard(tmp_path: Path) -> None:
    """One column per gateway, -200 = not heard, no time: a public LoRaWAN data set's shape."""
    log = tmp_path / "wide.csv.gz"
    log.write_bytes(
        gzip.compress(
            b"Latitude;Longitude;BS 1;BS 2;SF\n48.0;11.0;-100.5;-200;7\n48.0;11.0;-200;-90;8\n"
            b"48.1;11.0;-200;-200;7\n"
        )
    )
    mapping = load_mapping(
        write(
            tmp_path / "wide.yaml",
            "shape: wide\ntime: null\nlatitude: Latitude\nlongitude: Longitude\ncell_prefix: BS\n"
            "not_heard: [-200]\nunlisted: unknown\n",
        )
    )
    drive, summary = import_log(log, mapping)
    assert drive.cell_ids == ("BS 1", "BS 2")
    np.testing.assert_array_equal(drive.heard_MC, [[True, False], [False, True], [False, False]])
    assert drive.listened_MC.all()
    assert summary.not_heard == 4
    silent, _ = import_log(log, mapping.model_copy(update={"unlisted": "silent"}))
    assert (len(silent.moment_R), silent.listened_MC.all()) == (2, True)


def test_noise_floor_means_not_heard_and_follows_the_receivers_gain(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = ["time,lat,lon,day,rx1"]
    for day, floor in (("mon", -97.0), ("tue", -85.0)):
        for i in range(60):
            level = floor + abs(random.normal(0, 0.5)) if i % 2 else floor + 30
            lines.append(f"2026-01-01T00:{i:02d}:00Z,48.{i:03d},11,{day},{level:.3f}")
    mapping = LogMapping(shape="wide", track="day", noise_floor_margin_db=3, unlisted="unknown")
    drive, summary = import_log(write(tmp_path / "rx.csv", "\n".join(lines)), mapping)
    assert summary.not_heard == 60
    assert drive.tracks == ("mon", "tue")
    heard_dbm = drive.matrix("rsrp_dbm")[drive.heard_MC]
    np.testing.assert_allclose(np.unique(heard_dbm), [-67, -55])


def test_a_round_number_among_decimals_is_pointed_out(tmp_path: Path) -> None:
    rows = [
        f"{i},48.{i:03d},11,A,{-101 if i % 3 == 0 else -80.3 - i / 8:.3f}" for i in range(1, 50)
    ]
    log = write(tmp_path / "log.csv", "\n".join(["time,lat,lon,cell_id,rsrp_dbm", *rows]))
    _, summary = import_log(log)
    assert [n.partition(":")[0] for n in summary.notes] == ["rsrp_dbm"]
    assert "exactly -101" in summary.notes[0]
    mapping = mapping_for(None).model_copy(update={"missing": (-101.0,)})
    drive, summary = import_log(log, mapping)
    assert not summary.notes
    assert summary.dropped_values["rsrp_dbm: a number that means no value"] == 49 - len(drive)


def test_gnettrack(tmp_path: Path) -> None:
    log = write(
        tmp_path / "track.txt",
        "Timestamp\tLongitude\tLatitude\tCGI\tCellID\tLAC\tNetworkTech\tLevel\tQual\tSNR\tCQI\tPSC"
        "\tNCell1\tNRxLev1\tNQual1\tNCell2\tNRxLev2\tNQual2\n"
        "2026.11.24_10.00.00\t11.0\t48.0\t26201\t1234\t5\t4G\t-85\t-9\t12\t10\t7"
        "\t8\t-95\t-13\t99\t-101\t-15\n"
        "2026.11.24_10.00.01\t11.0\t48.0\t26201\t9\t5\t2G\t-60\t0\t-\t-\t-\t8\t-70\t\t\t\t\n",
    )
    drive, summary = import_log(log, LogMapping(format="gnettrack"), CELLS, SCENE)
    np.testing.assert_array_equal(drive.matrix("rsrp_dbm"), [[-85, -95]])
    assert drive.matrix("cqi")[0, 0] == 10
    assert summary.unknown_cells == {"pci:99": 1}
    assert "no zone" in summary.notes[0]


def test_geosubmit(tmp_path: Path) -> None:
    tower = {
        "radioType": "lte", "mobileCountryCode": 262, "mobileNetworkCode": 1,
        "locationAreaCode": 5, "cellId": 1234, "signalStrength": -88, "timingAdvance": 3,
    }  # fmt: skip
    items = [
        {
            "timestamp": 1795514400000,
            "position": {"latitude": 48.0, "longitude": 11.0},
            "cellTowers": [tower, {"primaryScramblingCode": 8, "signalStrength": 2147483647}],
        },
        {"timestamp": 1795514401000, "cellTowers": [tower]},
    ]
    log = write(tmp_path / "items.json", json.dumps({"items": items}))
    drive, summary = import_log(log, LogMapping(format="geosubmit"), CELLS, SCENE)
    assert drive.time_s_M.tolist() == [1795514400.0]
    assert drive.matrix("timing_advance")[0, 0] == 3
    assert summary.dropped_rows == {"no position": 1}
    assert summary.dropped_values == {"rsrp_dbm: a number that means no value": 1}


def test_refusals_name_the_file_and_the_rule(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "t,lat,lon,cell_id,rsrp_dbm\n")
    with pytest.raises(SourceFileError, match="column 'time' is missing"):
        import_log(log)
    with pytest.raises(SourceFileError, match="nothing can be used"):
        import_log(write(tmp_path / "e.csv", "time,lat,lon,cell_id,rsrp_dbm\n1,,,A,-80\n"))
    with pytest.raises(SourceFileError, match="no column with a measured quantity"):
        import_log(write(tmp_path / "f.csv", "time,lat,lon,cell_id\n1,48,11,A\n"))
    with pytest.raises(ConfigError, match=r"time_zone.*no time zone 'Mars'"):
        load_mapping(write(tmp_path / "m.yaml", "time_zone: Mars"))
    with pytest.raises(ConfigError, match="no quantity 'loudness'"):
        load_mapping(write(tmp_path / "m.yaml", "quantity: loudness"))
    with pytest.raises(SourceFileError, match="not JSON"):
        import_log(log, LogMapping(format="geosubmit"))


def test_command(tmp_path: Path) -> None:
    log = write(tmp_path / "log.csv", "time,lat,lon,cell_id,rsrp_dbm\n1,48,11,A,-80\n")
    out = tmp_path / "drive.zarr.zip"
    result = CliRunner().invoke(
        app, ["measurement", "import", str(log), "--output", str(out), "--json"]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["readings"] == 1
    assert load_drive_test(out).cell_ids == ("A",)
