"""Versions of a map: kept, compared, rolled back, never lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.store import load_radio_map, save_radio_map
from rayfix.radio_map.versions import (
    activate_version,
    add_version,
    compare_versions,
    list_versions,
)


@pytest.fixture
def folder(tmp_path: Path, radio_map: RadioMap) -> Path:
    save_radio_map(tmp_path / "square", radio_map)
    return tmp_path / "square"


def louder(radio_map: RadioMap, decibels: float) -> RadioMap:
    gain = radio_map.features["path_gain"] + np.float32(decibels)
    return replace(radio_map, features={**radio_map.features, "path_gain": gain})


def level(folder: Path) -> float:
    return float(np.nanmean(load_radio_map(folder).features["path_gain"]))


def test_a_new_version_is_current_and_the_old_one_kept(folder: Path, radio_map: RadioMap) -> None:
    before = level(folder)
    assert list_versions(folder) == []
    assert add_version(folder, louder(radio_map, 3.0), {"kind": "calibrated"}) == 2
    assert level(folder) == pytest.approx(before + 3.0, abs=0.05)
    found = list_versions(folder)
    assert [(v.number, v.current, v.provenance["kind"]) for v in found] == [
        (1, False, "built"),
        (2, True, "calibrated"),
    ]


def test_a_version_has_what_is_on_the_ground(folder: Path, radio_map: RadioMap) -> None:
    (folder / "roads.geojson").write_text("{}")
    number = add_version(folder, louder(radio_map, 3.0), {"kind": "calibrated"})
    assert (folder / "versions" / str(number) / "roads.geojson").read_text() == "{}"


def test_roll_back_and_forward(folder: Path, radio_map: RadioMap) -> None:
    before = level(folder)
    add_version(folder, louder(radio_map, 3.0), {"kind": "calibrated"})
    activate_version(folder, 1)
    assert level(folder) == before
    activate_version(folder, 2)
    assert level(folder) == pytest.approx(before + 3.0, abs=0.05)
    assert len(list_versions(folder)) == 2


def test_a_map_built_since_is_kept_too(folder: Path, radio_map: RadioMap) -> None:
    add_version(folder, louder(radio_map, 3.0), {"kind": "calibrated"})
    save_radio_map(folder, louder(radio_map, 7.0))
    assert not any(version.current for version in list_versions(folder))
    activate_version(folder, 1)
    activate_version(folder, 3)
    assert level(folder) == pytest.approx(float(np.nanmean(radio_map.features["path_gain"])) + 7.0,
                                          abs=0.05)  # fmt: skip


def test_what_changed_per_cell(folder: Path, radio_map: RadioMap) -> None:
    first, *others = radio_map.cells
    turned = first.model_copy(update={"bearing_deg": 355.0, "power_dbm": first.power_dbm + 2.0})
    changed = replace(louder(radio_map, 3.0), cells=(turned, *others))
    add_version(folder, changed, {"kind": "calibrated"})
    rows = compare_versions(folder, 1, 2)
    assert rows[0]["bearing_deg"] == -5.0
    assert rows[0]["rsrp_median_db"] == pytest.approx(5.0, abs=0.05)
    assert rows[1]["rsrp_median_db"] == pytest.approx(3.0, abs=0.05)
    assert rows[1]["pixels_gained"] == 0


def test_a_damaged_version_is_refused_and_the_map_stays(folder: Path, radio_map: RadioMap) -> None:
    add_version(folder, louder(radio_map, 3.0), {"kind": "calibrated"})
    now = level(folder)
    (folder / "versions" / "1" / "cells.yaml").write_text("cells: []\n")
    with pytest.raises(ArtefactError, match=r"versions/1/cells\.yaml"):
        activate_version(folder, 1)
    assert level(folder) == now


def test_an_unknown_version_is_named(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match="no version 4"):
        activate_version(folder, 4)
