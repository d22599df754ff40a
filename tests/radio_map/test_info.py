from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rayfix.radio_map.info import map_info
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
