from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rayfix.errors import ConfigError
from rayfix.scene.cell import Cell, load_cells, save_cells, sites_of

GOOD: dict[str, Any] = {
    "cell_id": "A-1",
    "site_id": "A",
    "x_m": 1.0,
    "y_m": 2.0,
    "z_m": 30.0,
    "bearing_deg": 120.0,
}


def _write(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump({"cells": list(entries)}))
    return path


def test_round_trip(tmp_path: Path) -> None:
    cells = (
        Cell(**GOOD, pci=3),
        Cell(**{**GOOD, "cell_id": "A-2", "bearing_deg": 240.0}, power_dbm=40.0, load=0.1),
    )
    assert load_cells(save_cells(tmp_path / "cells.yaml", cells)) == cells


def test_a_repeated_id_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cell A-1: the id is used twice"):
        load_cells(_write(tmp_path / "cells.yaml", GOOD, GOOD))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bearing_deg", 400.0),
        ("bearing_deg", -1.0),
        ("power_dbm", 44_000.0),
        ("downtilt_deg", 120.0),
        ("x_m", float("nan")),
        ("load", 1.5),
        ("carrier_hz", 3.5),
        ("pci", 1008),
        ("cell_id", ""),
        ("z_m", "high"),
        ("azimuth", 120.0),
    ],
)
def test_values_out_of_range_name_cell_and_field(tmp_path: Path, field: str, value: Any) -> None:
    path = _write(tmp_path / "cells.yaml", GOOD, {**GOOD, "cell_id": "A-2", field: value})
    with pytest.raises(ConfigError) as caught:
        load_cells(path)
    assert caught.value.path == path
    assert field in str(caught.value)
    assert field == "cell_id" or "A-2" in str(caught.value)


@pytest.mark.parametrize("field", ["x_m", "bearing_deg", "site_id"])
def test_missing_fields_are_named(tmp_path: Path, field: str) -> None:
    entry = {key: value for key, value in GOOD.items() if key != field}
    with pytest.raises(ConfigError, match=field):
        load_cells(_write(tmp_path / "cells.yaml", entry))


@pytest.mark.parametrize("text", ["", "cells: []", "cells: {a: 1}", "[1, 2", "\x00", "- a"])
def test_files_that_are_no_site_list(tmp_path: Path, text: str) -> None:
    path = tmp_path / "cells.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_cells(path)
    assert caught.value.path == path


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing"):
        load_cells(tmp_path / "cells.yaml")


def test_reference_signal_power_of_a_5g_carrier() -> None:
    """273 resource blocks at 100 MHz and 30 kHz: 46 dBm - 10 log10(3276) = 10.85 dBm."""
    cell = Cell(**GOOD, power_dbm=46.0)
    assert cell.resource_blocks == 273
    assert cell.energy_per_resource_element_dbm == pytest.approx(10.85, abs=0.01)


def test_sectors_of_a_site_share_their_mast() -> None:
    cells = [Cell(**GOOD), Cell(**{**GOOD, "cell_id": "A-2"}), Cell(**{**GOOD, "x_m": 9.0})]
    assert list(sites_of(cells).values()) == [[0, 1], [2]]
