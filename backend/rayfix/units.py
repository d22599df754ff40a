"""Physical constants and conversions; every function name says from what to what."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

SPEED_OF_LIGHT_M_S = 299_792_458.0
"""Speed of light in vacuum [m/s] (SI definition)."""

THERMAL_NOISE_DBM_HZ = -173.975
"""Thermal noise density k T at T = 290 K [dBm/Hz] (ITU-R P.372, 1.380649e-23 J/K x 290 K)."""

UE_NOISE_FIGURE_DB = 9.0
"""Receiver noise figure of a phone below 6 GHz [dB] (TR 38.802, table A.2.1-1)."""

Number = TypeVar("Number", float, npt.NDArray[np.floating[Any]])


def db_to_linear(value_db: Number) -> Number:
    """Power ratio of a level in dB."""
    return cast(Number, np.power(10.0, value_db / 10.0))


def linear_to_db(ratio: Number) -> Number:
    """Level in dB of a power ratio; zero gives -inf."""
    with np.errstate(divide="ignore"):
        return cast(Number, 10.0 * np.log10(ratio))


def dbm_to_watt(power_dbm: Number) -> Number:
    """Power in watts of a level in dBm."""
    return db_to_linear(power_dbm) * 1e-3


def watt_to_dbm(power_watt: Number) -> Number:
    """Level in dBm of a power in watts."""
    return linear_to_db(power_watt) + 30.0


def bearing_to_enu_rad(bearing_deg: Number) -> Number:
    """ENU azimuth [rad] (counter-clockwise from east) of a bearing [deg] (clockwise from north)."""
    return cast(Number, np.deg2rad(90.0 - bearing_deg))


def enu_rad_to_bearing(azimuth_rad: Number) -> Number:
    """Bearing [deg] in [0, 360) of an ENU azimuth [rad]."""
    return cast(Number, (90.0 - np.rad2deg(azimuth_rad)) % 360.0)


def wrap_deg(angle_deg: Number) -> Number:
    """The same angle in [-180, 180); the difference of two bearings goes through this."""
    return (angle_deg + 180.0) % 360.0 - 180.0
