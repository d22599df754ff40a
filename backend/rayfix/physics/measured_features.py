"""Evidence of what was measured, for the grid posterior: how well each place explains it.

Shape letters: B sequences, K heard cells, E evidence features, P outdoor places.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from rayfix.physics.clock import clock_offset_at_rows
from rayfix.physics.density import core_density
from rayfix.physics.likelihood import (
    EVIDENCE_FEATURES,
    advance_interval,
    angle_difference_deg,
)
from rayfix.physics.likelihood_grid import LikelihoodGrid
from rayfix.physics.maps import AOA
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation
from rayfix.physics.report_features import PATH_GAIN, TOA

OFFSET_REACH = 3.0
"""A phone's RSRP offset is looked for this many standard deviations to either side."""


def log_features(observation: Observation, noise: NoiseModel, grid: LikelihoodGrid) -> Tensor:
    """Log density of the measured features at every place, [B, P], integrated over the phone's RSRP
    offset where it may have one."""
    if not noise.receiver_offset_db:
        return _features(observation, noise, grid)
    spread_db = noise.receiver_offset_db
    # The trapezoidal rule, in steps that the noise of path gain does not see through.
    steps = math.ceil(OFFSET_REACH * spread_db / noise.path_gain.sigma())
    offsets_db = np.linspace(-OFFSET_REACH * spread_db, OFFSET_REACH * spread_db, 2 * steps + 1)
    weights = np.exp(-0.5 * (offsets_db / spread_db) ** 2)
    parts = []
    for offset_db, weight in zip(offsets_db, weights / weights.sum(), strict=True):
        shifted_BKF = observation.value_BKF.clone()
        shifted_BKF[..., PATH_GAIN] -= float(offset_db)
        shifted = replace(observation, value_BKF=shifted_BKF)
        parts.append(_features(shifted, noise, grid) + math.log(weight))
    return torch.logsumexp(torch.stack(parts), dim=0)


def _features(observation: Observation, noise: NoiseModel, grid: LikelihoodGrid) -> Tensor:
    """Log density of the measured features, [B, P].

    Row R is one place that one heard cell reaches; everywhere else the flat density holds.
    """
    reached = grid.reached
    batch, slots = observation.cell_BK.shape
    count_BK = reached.count_C[observation.cell_BK] * observation.heard_BK
    pair_R = torch.arange(batch * slots, device=count_BK.device).repeat_interleave(
        count_BK.flatten()
    )
    first_BK = reached.start_C[observation.cell_BK].flatten() - (
        count_BK.flatten().cumsum(0) - count_BK.flatten()
    )
    row_R = torch.arange(len(pair_R), device=pair_R.device) + first_BK[pair_R]
    interval_BK = advance_interval(observation)
    # The own value, and that of the window around; no own value leaves the window alone.
    own_share_R = torch.where(reached.own_N[row_R], 1.0 - noise.window_share, 0.0)
    ratio_R = torch.ones_like(own_share_R)
    flat_BK = torch.zeros_like(count_BK, dtype=torch.float32)
    clock_BP = None
    for e, feature in enumerate(EVIDENCE_FEATURES):
        kind = noise.of_feature(feature)
        measured_BK = observation.valid_BKF[..., feature]
        if not bool(measured_BK.any()):
            continue
        flat_BK += measured_BK * math.log(kind.no_path_density)
        value_R = observation.value_BKF[..., feature].flatten()[pair_R]
        noise_R = observation.sigma_BKF[..., feature].square().flatten()[pair_R]
        interval_R = None
        if feature == TOA and interval_BK is not None:
            interval_R = interval_BK.flatten()[pair_R]
        if feature == TOA and noise.clock_offset_ns:
            offset_R, clock_BP = clock_offset_at_rows(
                value_R - reached.mean_EN[e][row_R],
                noise_R + reached.variance_EN[e][row_R],
                observation.one_way_BK.flatten()[pair_R],
                (pair_R % slots, pair_R // slots, reached.place_N[row_R]),
                (slots, batch, len(grid.xy_m_P2)),
                noise,
            )
            value_R = value_R - offset_R

        own_R, window_R = (
            _density(
                value_R,
                noise_R,
                mean_EN[e][row_R],
                variance_EN[e][row_R],
                feature,
                noise,
                interval_R,
            )
            if used
            else torch.zeros_like(own_share_R)
            for used, mean_EN, variance_EN in (
                (True, reached.mean_EN, reached.variance_EN),
                (
                    noise.window_share > 0 or not bool(reached.own_N.all()),
                    reached.window_mean_EN,
                    reached.window_variance_EN,
                ),
            )
        )
        density_R = own_share_R * own_R + (1.0 - own_share_R) * window_R
        # Three factors at most before the logarithm: far from the limits of float32.
        ratio_R *= torch.where(
            measured_BK.flatten()[pair_R], (density_R + kind.floor) / kind.no_path_density, 1.0
        )
    if noise.wrong_cell_share:
        ratio_R = (1.0 - noise.wrong_cell_share) * ratio_R + noise.wrong_cell_share
    total_BP = flat_BK.sum(-1, keepdim=True).expand(-1, len(grid.xy_m_P2)).contiguous()
    if clock_BP is not None:
        total_BP += clock_BP
    target_R = (pair_R // slots) * total_BP.shape[1] + reached.place_N[row_R]
    return total_BP.view(-1).index_add_(0, target_R, ratio_R.log()).view_as(total_BP)


def _density(
    value_R: Tensor,
    noise_R: Tensor,
    mean_R: Tensor,
    variance_R: Tensor,
    feature: int,
    noise: NoiseModel,
    interval_R: Tensor | None,
) -> Tensor:
    """Density of observed values around map values of a variance of their own."""
    difference_R = angle_difference_deg(value_R, mean_R) if feature == AOA else value_R - mean_R
    return core_density(difference_R, variance_R + noise_R, noise.of_feature(feature), interval_R)
