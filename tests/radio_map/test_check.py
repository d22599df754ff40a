from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rayfix.errors import OutsideMapError
from rayfix.radio_map.check import compare_with_paths, describe_check
from rayfix.radio_map.lookup import bilinear
from rayfix.radio_map.radio_map import RadioMap


@pytest.fixture
def places() -> np.ndarray:
    random = np.random.default_rng(5)
    return random.uniform([21.0, -19.0], [49.0, 19.0], (400, 2))


def _exact(radio_map: RadioMap, places: np.ndarray) -> SimpleNamespace:
    found = bilinear(radio_map, places[:, 0], places[:, 1])
    return SimpleNamespace(
        path_gain_db=found["path_gain"], toa_ns=found["toa"], aoa_deg=found["aoa"]
    )


def test_the_map_agrees_with_itself(radio_map: RadioMap, places: np.ndarray) -> None:
    report = compare_with_paths(radio_map, places, _exact(radio_map, places))
    assert report["heard_agreement"] == 1.0
    assert report["passes"]
    assert len(report["limits"]) == 8
    for quantity in ("path_gain_db", "toa_ns", "aoa_deg"):
        assert report[quantity]["median_diff"] == 0.0
        assert report[quantity]["p95_abs"] == 0.0
        assert report[quantity]["n"] == 1200


def test_known_differences_are_measured(radio_map: RadioMap, places: np.ndarray) -> None:
    random = np.random.default_rng(6)
    exact = _exact(radio_map, places)
    exact.path_gain_db = exact.path_gain_db - 0.7 + random.normal(0, 2.0, (400, 3))
    exact.toa_ns = exact.toa_ns - 3.0
    exact.aoa_deg = (exact.aoa_deg - 5.0) % 360.0
    exact.path_gain_db[:100, 1] = np.nan
    report = compare_with_paths(radio_map, places, exact)
    assert report["path_gain_db"]["median_diff"] == pytest.approx(0.7, abs=0.2)
    assert report["path_gain_db"]["robust_spread"] == pytest.approx(2.0, abs=0.2)
    assert report["path_gain_db"]["p95"] == pytest.approx(0.7 + 1.645 * 2.0, abs=0.4)
    assert report["path_gain_db"]["n"] == 1100
    assert report["toa_ns"]["median_diff"] == pytest.approx(3.0, abs=1e-3)
    assert report["aoa_deg"]["median_diff"] == pytest.approx(5.0, abs=1e-3)
    assert report["aoa_deg"]["robust_spread"] == pytest.approx(0.0, abs=1e-3)
    assert report["heard_agreement"] == pytest.approx(1100 / 1200, abs=1e-3)


def test_every_figure_is_held_against_its_limit(radio_map: RadioMap, places: np.ndarray) -> None:
    exact = _exact(radio_map, places)
    exact.toa_ns = exact.toa_ns - 2.0
    exact.path_gain_db[:30] = np.nan  # 7.5 % of the pairs
    report = compare_with_paths(radio_map, places, exact)
    missed = [one["figure"] for one in report["limits"] if not one["kept"]]
    assert missed == ["toa_ns.median_diff", "heard_agreement"]
    assert not report["passes"]
    text = describe_check(
        {"scene": "square", "receivers": 400, "resolution_m": 1.0, **report, "pixel": report}
    )
    assert "Not kept: toa_ns.median_diff 2.0 (limit 1.5)" in text


def test_the_pixel_rule_reads_the_pixel_itself(radio_map: RadioMap) -> None:
    place = np.array([[30.4, 5.6]])  # in the pixel around (30.5, 5.5)
    row, column = (
        int(np.abs(radio_map.y_m - 5.5).argmin()),
        int(np.abs(radio_map.x_m - 30.5).argmin()),
    )
    exact = SimpleNamespace(
        path_gain_db=radio_map.features["path_gain"][:, row, column][None],
        toa_ns=radio_map.features["toa"][:, row, column][None] + 1.0,
        aoa_deg=radio_map.features["aoa"][:, row, column][None],
    )
    report = compare_with_paths(radio_map, place, exact, "pixel")
    assert report["path_gain_db"]["p95_abs"] == 0.0
    assert report["toa_ns"]["median_diff"] == pytest.approx(-1.0, abs=1e-3)
    with pytest.raises(OutsideMapError):
        compare_with_paths(radio_map, np.array([[60.0, 0.0]]), exact, "pixel")


def test_nothing_in_common_is_not_a_number_from_nowhere(radio_map: RadioMap) -> None:
    nothing = np.full((1, 3), np.nan)
    exact = SimpleNamespace(path_gain_db=nothing, toa_ns=nothing, aoa_deg=nothing)
    report = compare_with_paths(radio_map, np.array([[30.0, 0.0]]), exact)
    assert report["toa_ns"]["n"] == 0
    assert report["toa_ns"]["median_diff"] is None
    assert report["heard_agreement"] == 0.0
