"""Field pattern of a sector antenna: one TR 38.901 element, pointed by bearing and downtilt.

Letters: none; every direction is one Dr.Jit lane.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rayfix.units import bearing_to_enu_rad

if TYPE_CHECKING:
    from rayfix.scene.cell import Cell

MAX_GAIN_DBI = 8.0
"""G_E,max of table 7.3-1 of TR 38.901 [dBi]."""
BEAMWIDTH_RAD = math.radians(65.0)
"""Half-power beamwidth, vertical and horizontal (table 7.3-1)."""
MAX_ATTENUATION_DB = 30.0
"""A_max and SLA_V (table 7.3-1) [dB]."""


def orientation_rad(cell: Cell) -> tuple[float, float, float]:
    """Sionna RT's (yaw, pitch, roll) [rad] of a sector: boresight at its bearing, tilted down."""
    return float(bearing_to_enu_rad(cell.bearing_deg)), math.radians(cell.downtilt_deg), 0.0


def sector_field(cell: Cell, direction: Any) -> tuple[Any, Any]:
    """Field pattern (F_theta, F_phi) of a vertically polarised sector, in the scene's frame.

    The element is table 7.3-1 of TR 38.901 with polarisation model 2 and slant 0 (7.3-4, 7.3-5);
    the rotation to the global frame is 7.1-11. Both components are real: the element has no
    phase of its own. |F|^2 is the power gain over an isotropic antenna.

    Args:
        cell: bearing and downtilt are used.
        direction: unit vectors of departure, `mi.Vector3f` (east, north, up).
    Returns:
        Components along theta-hat (down) and phi-hat (counter-clockwise), `mi.Float` each.
    """
    import drjit as dr
    import mitsuba as mi

    yaw, pitch, _ = orientation_rad(cell)
    boresight = mi.Vector3f(
        math.cos(yaw) * math.cos(pitch), math.sin(yaw) * math.cos(pitch), -math.sin(pitch)
    )
    left = mi.Vector3f(-math.sin(yaw), math.cos(yaw), 0.0)
    top = mi.Vector3f(
        math.cos(yaw) * math.sin(pitch), math.sin(yaw) * math.sin(pitch), math.cos(pitch)
    )
    up_component = dr.clip(dr.dot(direction, top), -1.0, 1.0)
    zenith = dr.acos(up_component)
    azimuth = dr.atan2(dr.dot(direction, left), dr.dot(direction, boresight))
    vertical = dr.minimum(
        12.0 * dr.square((zenith - math.pi / 2) / BEAMWIDTH_RAD), MAX_ATTENUATION_DB
    )
    horizontal = dr.minimum(12.0 * dr.square(azimuth / BEAMWIDTH_RAD), MAX_ATTENUATION_DB)
    gain_db = MAX_GAIN_DBI - dr.minimum(vertical + horizontal, MAX_ATTENUATION_DB)
    amplitude = dr.exp2(gain_db * (math.log2(10.0) / 20.0))

    # The polarisation vector is the antenna's own theta-hat: minus the part of its top direction
    # that is perpendicular to the ray.
    across = top - up_component * direction
    polarisation = -across * dr.rsqrt(dr.maximum(dr.squared_norm(across), 1e-12))
    horizontal_norm = dr.sqrt(dr.maximum(1.0 - dr.square(direction.z), 1e-12))
    cos_phi, sin_phi = direction.x / horizontal_norm, direction.y / horizontal_norm
    theta_hat = mi.Vector3f(cos_phi * direction.z, sin_phi * direction.z, -horizontal_norm)
    phi_hat = mi.Vector3f(-sin_phi, cos_phi, 0.0)
    return (
        amplitude * dr.dot(polarisation, theta_hat),
        amplitude * dr.dot(polarisation, phi_hat),
    )
