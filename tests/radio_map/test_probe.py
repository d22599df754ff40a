from __future__ import annotations

import json

import pytest

from rayfix.errors import OutsideMapError
from rayfix.radio_map.probe import probe
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap


def _probe_at(radio_map: RadioMap, x_m: float, y_m: float) -> dict:
    lat, lon = radio_map.scene.georeference.to_lat_lon(x_m, y_m)
    return probe(radio_map, float(lat), float(lon))


def test_values_of_the_pixel_strongest_cell_first(radio_map: RadioMap) -> None:
    found = _probe_at(radio_map, 30.5, -9.5)
    assert (found["x_m"], found["y_m"]) == (30.5, -9.5)
    assert found["building_height_m"] == 0.0
    levels = [cell["rsrp_dbm"] for cell in found["cells"]]
    assert levels == sorted(levels, reverse=True)
    assert found["best_cell"] == found["cells"][0]["cell_id"] == "A-2"
    row, column = 10, 40
    index = radio_map.cell_index["A-2"]
    for name in FEATURE_NAMES:
        expected = float(radio_map.features[name][index, row, column])
        assert found["cells"][0][name] == pytest.approx(expected, abs=1e-3)
    assert found["cells"][0]["rsrp_dbm"] == pytest.approx(
        radio_map.rsrp_dbm[index, row, column], abs=0.01
    )
    assert found["cells"][0]["distance_m"] == pytest.approx(15.2, abs=0.1)


def test_no_path_is_null(radio_map: RadioMap) -> None:
    indoors = _probe_at(radio_map, 15.5, 5.5)
    assert indoors["building_height_m"] == 15.0
    assert indoors["best_cell"] is None
    assert {cell[name] for cell in indoors["cells"] for name in FEATURE_NAMES} == {None}
    partly = _probe_at(radio_map, -5.5, -15.5)
    assert [cell["cell_id"] for cell in partly["cells"]][-1] == "A-2"
    assert partly["cells"][-1]["rsrp_dbm"] is None
    json.dumps(partly, allow_nan=False)


def test_outside_the_map(radio_map: RadioMap) -> None:
    with pytest.raises(OutsideMapError) as caught:
        _probe_at(radio_map, 60.0, 0.0)
    assert caught.value.code == "outside_map"
