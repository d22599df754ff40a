"""Ray directions of a site, denser where receivers are: near the horizon, a little below it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

HORIZON_CENTRE = -0.05
HORIZON_WIDTH = 0.1
"""Directions have density proportional to 1 / ((z - HORIZON_CENTRE)^2 + HORIZON_WIDTH^2) in the
vertical component z of the unit vector. A street at distance d from a mast of height h is seen
at z = -h/d, so equal steps on the ground crowd towards z = 0."""

_LOW = math.atan((-1.0 - HORIZON_CENTRE) / HORIZON_WIDTH)
_HIGH = math.atan((1.0 - HORIZON_CENTRE) / HORIZON_WIDTH)


def ray_directions(count: int, random: np.random.Generator) -> tuple[Any, Any]:
    """Directions and solid angles of a shower of rays.

    The rays form a Fibonacci lattice (low discrepancy) warped to the density above. The lattice
    as a whole is turned about the vertical and shifted along it at random, which makes every
    direction equally likely to be hit relative to that density, and showers independent.

    Args:
        count: rays wanted.
        random: draws turn and shift.
    Returns:
        Unit vectors (`mi.Vector3f`) and solid angle of each ray's tube [sr] (`mi.Float`).
    """
    import drjit as dr
    import mitsuba as mi

    turn, shift = random.uniform(size=2)
    number = dr.arange(mi.UInt, count)
    turns = mi.Float64(number) * ((math.sqrt(5.0) - 1.0) / 2.0) + float(turn)
    azimuth = mi.Float(turns - dr.floor(turns)) * (2.0 * math.pi)
    place = mi.Float((mi.Float64(number) + float(shift)) / count)
    z = HORIZON_CENTRE + HORIZON_WIDTH * dr.tan(_LOW + (_HIGH - _LOW) * place)
    z = dr.clip(z, -1.0, 1.0)
    horizontal = dr.sqrt(dr.maximum(1.0 - z * z, 0.0))
    sin_azimuth, cos_azimuth = dr.sincos(azimuth)
    spread = (dr.square(z - HORIZON_CENTRE) + HORIZON_WIDTH**2) * ((_HIGH - _LOW) / HORIZON_WIDTH)
    solid_angle = spread * (2.0 * math.pi / count)
    return mi.Vector3f(horizontal * cos_azimuth, horizontal * sin_azimuth, z), solid_angle
