from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rayfix.radio_map.info import describe_info, map_info
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.store import save_radio_map


def test_info_counts_what_is_there(tmp_path: Path, radio_map: RadioMap) -> None:
    save_radio_map(tmp_path / "square", radio_map)
    info = map_info(tmp_path / "square")
    assert (info["cells"], info["rows"], info["columns"], info["resolution_m"]) == (3, 40, 60, 1.0)
    assert info["outdoor_share"] == pytest.approx(1 - 120 / 2400)
    assert info["covered_share"] == 1.0
    west = 400 / (2400 - 120)  # of the outdoor pixels, where A-2 has no path
    assert info["coverage"] == {
        "A-0": 1.0,
        "A-1": 1.0,
        "A-2": pytest.approx(1 - west, abs=1e-3),
    }
    assert info["features"]["path_gain"]["max"] == pytest.approx(
        np.nanmax(radio_map.features["path_gain"]), abs=0.05
    )
    assert info["made"] == {"resolution_m": 1.0, "seed": 7}
    assert info["bytes"] > 1000
    json.dumps(info, allow_nan=False)


def test_info_tells_errors_and_rays_of_each_cell(tmp_path: Path, radio_map: RadioMap) -> None:
    gain = radio_map.features["path_gain"]
    scale = np.array([0.5, 1.0, 2.0], np.float32)[:, None, None]
    traced = replace(
        radio_map,
        extra={
            "path_gain_stderr": np.where(np.isfinite(gain), scale, np.nan).astype(np.float32),
            "los": np.where(np.isfinite(gain), 0.0, np.nan).astype(np.float32),
        },
        attributes={"solver": {"rays_per_site": 1000}, "rays_by_site": [1000, 4000, 2000]},
    )
    save_radio_map(tmp_path / "square", traced)
    info = map_info(tmp_path / "square")
    assert info["per_cell"]["A-1"] == {
        "rays": 4000,
        "stderr_median_db": 1.0,
        "stderr_p95_db": 1.0,
        "los_share": 0.0,
    }
    assert info["features"]["path_gain_stderr"]["rounding_error_max"] <= 0.05
    text = describe_info(info)
    row = next(line for line in text.splitlines() if line.startswith("A-2"))
    assert row.split()[-4:] == ["2.00", "dB", "2.00", "dB"]
    assert "2000" in row
