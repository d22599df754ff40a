"""Likelihood of an observation given map features: the density of residuals, and of silence.

Shape letters: B sequences, M places, K heard cells, C cells, F map features,
E evidence features.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rayfix.physics.clock import without_clock_offset
from rayfix.physics.density import core_density
from rayfix.physics.lookup import lookup_evidence
from rayfix.physics.maps import AOA, MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation
from rayfix.physics.report_features import PATH_GAIN, TOA

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


def advance_interval(observation: Observation) -> Tensor | None:
    """`interval_ns_BK`, or None where no ToA comes from a timing advance (which is cheaper)."""
    return observation.interval_ns_BK if bool((observation.interval_ns_BK > 0).any()) else None


def log_likelihood(
    xy_m_BM2: Tensor, observation: Observation, maps: MapTensors, noise: NoiseModel
) -> Tensor:
    """Log likelihood of each sequence at M places each, [B, M]; differentiable in the places.

    The sum over heard cells of the log densities of path gain, ToA and AoA (`EVIDENCE_FEATURES`,
    those that were measured) around the bilinear map value, the map's own error counted where it
    states one, and the phone's clock offset eliminated (`clock`). Cells that were not heard are
    left to the grid posterior: their evidence hardly changes within the few metres of a refinement.
    """
    expected_BMKE, valid_BMK = lookup_evidence(
        maps, xy_m_BM2[:, :, None, :], observation.cell_BK[:, None, :]
    )
    seen_B1KE = observation.value_BKF[:, None, :, list(EVIDENCE_FEATURES)]
    difference_BMKE = feature_difference(seen_B1KE, expected_BMKE)
    total_BM = xy_m_BM2.new_zeros(xy_m_BM2.shape[:2])
    interval_BK = advance_interval(observation)
    interval_B1K = None if interval_BK is None else interval_BK[:, None]
    for e, feature in enumerate(EVIDENCE_FEATURES):
        kind = noise.of_feature(feature)
        variance_BMK = observation.sigma_BKF[:, None, :, feature].square()
        if feature == PATH_GAIN and maps.stderr_db_CHW is not None:
            row, column = maps.pixel_of(xy_m_BM2[:, :, None, :])
            error_BMK = maps.stderr_db_CHW[observation.cell_BK[:, None, :], row, column]
            variance_BMK = variance_BMK + error_BMK.square()
        residual_BMK = difference_BMKE[..., e]
        if feature == TOA and noise.clock_offset_ns:
            one_way_BMK = observation.one_way_BK[:, None] & valid_BMK
            residual_BMK, clock_BM = without_clock_offset(
                residual_BMK, variance_BMK, one_way_BMK, noise, dim=-1
            )
            total_BM = total_BM + clock_BM
        core_BMK = core_density(
            residual_BMK,
            variance_BMK,
            kind,
            interval_B1K if feature == TOA else None,
        )
        density_BMK = torch.where(valid_BMK, core_BMK + kind.floor, kind.no_path_density)
        measured_B1K = observation.valid_BKF[:, None, :, feature]
        # A Gaussian without a floor can underflow far away.
        log_BMK = density_BMK.clamp(min=1e-30).log()
        total_BM = total_BM + torch.where(measured_B1K, log_BMK, 0.0).sum(-1)
    return total_BM
