"""Ray directions of a site, denser where receivers are: near the horizon, a little below it."""

from __future__ import annotations

import math
from typing import Any

HORIZON_CENTRE = -0.05
HORIZON_WIDTH = 0.1
"""Directions have density proportional to 1 / ((z - HORIZON_CENTRE)^2 + HORIZON_WIDTH^2) in the
vertical component z of the unit vector. A street at distance d from a mast of height h is seen
at z = -h/d, so equal steps on the ground crowd towards z = 0."""

_LOW = math.atan((-1.0 - HORIZON_CENTRE) / HORIZON_WIDTH)
_HIGH = math.atan((1.0 - HORIZON_CENTRE) / HORIZON_WIDTH)


def ray_directions(first: int, count: int, total: int, shift: float) -> tuple[Any, Any]:
    """Directions and solid angles of `count` of the `total` rays of one site.

    The rays form a Fibonacci lattice (low discrepancy) warped to the density above. Rays are
    taken with a stride, so that every batch covers the whole sphere.

    Args:
        first: number of the first ray; the others follow every total // count.
        count: rays wanted.
        total: rays of the whole lattice, a multiple of `count`.
        shift: rotation of the lattice about the vertical, in turns (0 to 1): the seed's effect.
    Returns:
        Unit vectors (`mi.Vector3f`) and solid angle of each ray's tube [sr] (`mi.Float`).
    """
    import drjit as dr
    import mitsuba as mi

    number = dr.arange(mi.UInt, count) * (total // count) + first
    turns = mi.Float64(number) * ((math.sqrt(5.0) - 1.0) / 2.0) + shift
    azimuth = mi.Float(turns - dr.floor(turns)) * (2.0 * math.pi)
    place = mi.Float((mi.Float64(number) + 0.5) / total)
    z = HORIZON_CENTRE + HORIZON_WIDTH * dr.tan(_LOW + (_HIGH - _LOW) * place)
    z = dr.clip(z, -1.0, 1.0)
    horizontal = dr.sqrt(dr.maximum(1.0 - z * z, 0.0))
    sin_azimuth, cos_azimuth = dr.sincos(azimuth)
    spread = (dr.square(z - HORIZON_CENTRE) + HORIZON_WIDTH**2) * ((_HIGH - _LOW) / HORIZON_WIDTH)
    solid_angle = spread * (2.0 * math.pi / total)
    return mi.Vector3f(horizontal * cos_azimuth, horizontal * sin_azimuth, z), solid_angle
