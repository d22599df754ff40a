"""Field pattern of a sector antenna as a differentiable function of its pointing.

The ray tracer has the same pattern in its own tensors (`simulation.antenna`); this one is torch, so
that the gradient of a drive test's residuals reaches bearing and downtilt. Shape letters: none;
all functions broadcast.
"""

from __future__ import annotations

import torch
from torch import Tensor

MAX_GAIN_DBI = 8.0
"""G_E,max [dBi] (TR 38.901, table 7.3-1)."""
BEAMWIDTH_DEG = 65.0
"""Half-power beamwidth, vertical and horizontal [deg] (table 7.3-1)."""
MAX_ATTENUATION_DB = 30.0
"""A_max and SLA_V [dB] (table 7.3-1)."""


def sector_field(
    bearing_deg: Tensor, downtilt_deg: Tensor, east: Tensor, north: Tensor, up: Tensor
) -> tuple[Tensor, Tensor]:
    """Components along theta-hat and phi-hat of a vertically polarised sector's field pattern.

    Element of TR 38.901, table 7.3-1, with polarisation model 2 and slant 0 (7.3-4, 7.3-5), turned
    by bearing and downtilt (7.1-11).

    Args:
        bearing_deg, downtilt_deg: of the antenna, bearing clockwise from north.
        east, north, up: unit vector of departure.
    Returns:
        F_theta and F_phi, real; the sum of their squares is the power gain (linear).
    """
    bearing, tilt = torch.deg2rad(bearing_deg), torch.deg2rad(downtilt_deg)
    ahead_e, ahead_n = torch.sin(bearing), torch.cos(bearing)
    level = east * ahead_e + north * ahead_n
    left = north * ahead_e - east * ahead_n
    forward = level * torch.cos(tilt) - up * torch.sin(tilt)
    above = (level * torch.sin(tilt) + up * torch.cos(tilt)).clamp(-0.999999, 0.999999)
    vertical = 12.0 * (torch.rad2deg(torch.asin(above)) / BEAMWIDTH_DEG).square()
    horizontal = 12.0 * (torch.rad2deg(torch.atan2(left, forward)) / BEAMWIDTH_DEG).square()
    loss = vertical.clamp(max=MAX_ATTENUATION_DB) + horizontal.clamp(max=MAX_ATTENUATION_DB)
    amplitude = 10.0 ** ((MAX_GAIN_DBI - loss.clamp(max=MAX_ATTENUATION_DB)) / 20.0)
    # The antenna's own theta-hat: minus what of its top direction is perpendicular to the ray.
    across = amplitude / (1.0 - above.square()).sqrt()
    level_norm = (1.0 - up.square()).clamp(min=1e-12).sqrt()
    theta = level * torch.sin(tilt) * up / level_norm - torch.cos(tilt) * level_norm
    phi = torch.sin(tilt) * (ahead_n * east - ahead_e * north) / level_norm
    return -across * theta, -across * phi


def sector_gain_db(
    bearing_deg: Tensor, downtilt_deg: Tensor, azimuth_deg: Tensor, elevation_deg: Tensor
) -> Tensor:
    """Power gain [dBi] toward a bearing and an elevation above the horizon [deg]."""
    azimuth, elevation = torch.deg2rad(azimuth_deg), torch.deg2rad(elevation_deg)
    theta, phi = sector_field(
        bearing_deg,
        downtilt_deg,
        torch.cos(elevation) * torch.sin(azimuth),
        torch.cos(elevation) * torch.cos(azimuth),
        torch.sin(elevation),
    )
    return 10.0 * torch.log10(theta.square() + phi.square())


def elevation_of_departure_deg(fall_m: Tensor, length_m: Tensor) -> Tensor:
    """Elevation at the antenna of a path that falls by `fall_m` over its whole length [deg].

    Exact for the line of sight and for any chain of reflections at vertical walls: the image method
    mirrors places in plan and leaves heights alone.
    """
    return -torch.rad2deg(torch.asin((fall_m / length_m.clamp(min=1.0)).clamp(-0.9999, 0.9999)))
