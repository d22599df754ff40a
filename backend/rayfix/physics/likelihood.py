"""Likelihood of an observation given map features: the density of residuals, and of silence.

Shape letters: B sequences, M places, K heard cells, C cells, F map features,
E evidence features.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rayfix.physics.lookup import lookup_evidence
from rayfix.physics.maps import AOA, MapTensors
from rayfix.physics.noise import FeatureNoise, NoiseModel
from rayfix.physics.observation import PATH_GAIN, TOA, Observation

EVIDENCE_FEATURES = (PATH_GAIN, TOA, AOA)
"""Features that the likelihood uses: the others follow from the same RSRP, and would count one
shadowing error twice."""


def angle_difference_deg(first: Tensor, second: Tensor) -> Tensor:
    """First minus second angle on the circle [deg], in [-180, 180)."""
    return torch.remainder(first - second + 180.0, 360.0) - 180.0


def feature_difference(observed: Tensor, expected: Tensor) -> Tensor:
    """Observed minus expected features [..., F] in their units, angles on the circle."""
    difference = observed - expected
    if difference.shape[-1] <= AOA:
        return difference
    angle = angle_difference_deg(observed[..., AOA], expected[..., AOA])
    parts = [difference[..., :AOA], angle[..., None], difference[..., AOA + 1 :]]
    return torch.cat(parts, dim=-1)


def relative_density(squared: Tensor, noise: FeatureNoise) -> Tensor:
    """Density of the core of `FeatureNoise` at a residual r, times its scale; floor not included.

    Args:
        squared: (r / scale)^2, with the standard deviation or Student-t scale.
        noise: shape of the density.
    """
    nu = noise.degrees_of_freedom
    share = 1.0 - noise.outlier_share
    if nu is None:
        return share / math.sqrt(2.0 * math.pi) * torch.exp(-0.5 * squared)
    peak = math.exp(math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2)) / math.sqrt(nu * math.pi)
    # Whole powers are products, several times as fast as pow on a CPU.
    base, power = 1.0 + squared / nu, (nu + 1) / 2
    return share * peak / (base ** int(power) if power.is_integer() else base**power)


def log_unheard(
    path_gain_db: Tensor, valid: Tensor, threshold_db: Tensor, noise: NoiseModel
) -> Tensor:
    """Log probability that a cell is not in any report.

    It is below the threshold by the map's own error, or unheard whatever its power
    (`undetected_share`); where the map has no path, silence is certain.

    Args:
        path_gain_db: of the map [dB].
        valid: whether the map has a path.
        threshold_db: path gain below which the cell is not reported [dB].
        noise: the noise model.
    """
    below = torch.special.ndtr((threshold_db - path_gain_db) / noise.detection_sigma_db)
    share = noise.undetected_share
    return torch.where(valid, torch.log(share + (1.0 - share) * below), 0.0)


def log_heard(path_gain_db: Tensor, valid: Tensor, floor_db: Tensor, noise: NoiseModel) -> Tensor:
    """Log probability that a cell is strong enough to be heard (same arguments)."""
    above = torch.special.ndtr((path_gain_db - floor_db) / noise.detection_sigma_db)
    share = noise.undetected_share
    heard = torch.log(share + (1.0 - share) * above)
    return torch.where(valid, heard, math.log(max(share, 1e-9)))


def log_likelihood(
    xy_m_BM2: Tensor, observation: Observation, maps: MapTensors, noise: NoiseModel
) -> Tensor:
    """Log likelihood of each sequence at M places each, [B, M]; differentiable in the places.

    The sum over heard cells of the log densities of path gain, ToA and AoA (`EVIDENCE_FEATURES`,
    those that were measured) around the bilinear map value. Cells that were not heard are left
    to the grid posterior: their evidence hardly changes within the few metres of a refinement.
    """
    expected_BMKE, valid_BMK = lookup_evidence(
        maps, xy_m_BM2[:, :, None, :], observation.cell_BK[:, None, :]
    )
    seen_B1KE = observation.value_BKF[:, None, :, list(EVIDENCE_FEATURES)]
    difference_BMKE = feature_difference(seen_B1KE, expected_BMKE)
    total_BM = xy_m_BM2.new_zeros(xy_m_BM2.shape[:2])
    for e, feature in enumerate(EVIDENCE_FEATURES):
        kind = noise.of_feature(feature)
        sigma_B1K = observation.sigma_BKF[:, None, :, feature]
        squared_BMK = (difference_BMKE[..., e] / sigma_B1K).square()
        core_BMK = relative_density(squared_BMK, kind) / sigma_B1K
        density_BMK = torch.where(valid_BMK, core_BMK + kind.floor, kind.no_path_density)
        measured_B1K = observation.valid_BKF[:, None, :, feature]
        # A Gaussian without a floor can underflow far away.
        log_BMK = density_BMK.clamp(min=1e-30).log()
        total_BM = total_BM + torch.where(measured_B1K, log_BMK, 0.0).sum(-1)
    return total_BM
