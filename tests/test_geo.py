from __future__ import annotations

import numpy as np
import pytest
from pyproj import CRS, Geod

from rayfix.geo import GeoReference
from rayfix.units import wrap_deg

MUNICH = GeoReference(48.1379, 11.5759)


def test_there_and_back_within_a_millimetre() -> None:
    x, y = np.meshgrid(np.linspace(-5000, 5000, 11), np.linspace(-5000, 5000, 11))
    lat, lon = MUNICH.to_lat_lon(x, y)
    back_x, back_y = MUNICH.to_local(lat, lon)
    assert lat.shape == x.shape
    np.testing.assert_allclose(back_x, x, atol=1e-3)
    np.testing.assert_allclose(back_y, y, atol=1e-3)


@pytest.mark.parametrize("bearing_deg", [0.0, 37.0, 90.0, 200.0, 315.0])
def test_distances_and_bearings_are_those_on_the_ellipsoid(bearing_deg: float) -> None:
    """An independent way: the geodesic of 300 m from the origin (Karney 2013)."""
    lon, lat, _ = Geod(ellps="WGS84").fwd(11.5759, 48.1379, bearing_deg, 300.0)
    x, y = MUNICH.to_local(lat, lon)
    assert np.hypot(x, y) == pytest.approx(300.0, abs=1e-3)
    bearing = np.rad2deg(np.arctan2(x, y))
    assert wrap_deg(bearing - bearing_deg) == pytest.approx(0.0, abs=1e-3)


def test_the_origin_is_zero() -> None:
    assert MUNICH.to_local(48.1379, 11.5759) == (pytest.approx(0, abs=1e-6),) * 2


def test_the_projection_is_one_that_others_understand() -> None:
    crs = CRS.from_user_input(MUNICH.projection)
    assert crs.is_projected
    assert crs == CRS.from_wkt(MUNICH.crs.to_wkt())
    assert crs.axis_info[0].unit_name == "metre"
