from __future__ import annotations

import math

import numpy as np
import pytest

from rayfix import units


def test_decibels_there_and_back() -> None:
    ratios = np.array([1e-12, 0.5, 1.0, 2.0, 1e6])
    np.testing.assert_allclose(units.db_to_linear(units.linear_to_db(ratios)), ratios, rtol=1e-12)
    assert units.linear_to_db(np.array([0.0]))[0] == -np.inf
    assert units.dbm_to_watt(30.0) == pytest.approx(1.0)
    assert units.watt_to_dbm(1e-3) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("bearing_deg", "azimuth_rad"),
    [(0.0, math.pi / 2), (90.0, 0.0), (180.0, -math.pi / 2), (45.0, math.pi / 4)],
)
def test_bearings_are_clockwise_from_north(bearing_deg: float, azimuth_rad: float) -> None:
    assert units.bearing_to_enu_rad(bearing_deg) == pytest.approx(azimuth_rad)
    assert units.enu_rad_to_bearing(azimuth_rad) == pytest.approx(bearing_deg)


def test_bearings_stay_in_their_range() -> None:
    bearings = units.enu_rad_to_bearing(np.linspace(-10.0, 10.0, 401))
    assert ((bearings >= 0.0) & (bearings < 360.0)).all()


def test_differences_of_bearings_take_the_short_way() -> None:
    np.testing.assert_allclose(
        units.wrap_deg(np.array([359.0 - 1.0, 1.0 - 359.0, 180.0, -180.0, 720.0])),
        [-2.0, 2.0, -180.0, -180.0, 0.0],
    )


def test_thermal_noise_is_kt() -> None:
    assert pytest.approx(10 * math.log10(1.380649e-23 * 290.0 * 1e3), abs=1e-3) == (
        units.THERMAL_NOISE_DBM_HZ
    )
