"""How far a moving phone has come since the middle of its sequence.

Averaged over time, a sequence speaks of the middle of the way; the fix is asked for its end. Delay
and bearing change along the way by velocity times the map's gradient, in line of sight and behind
corners alike, so that their slopes in time give the velocity at every hypothesis by weighted
least squares. Most phones stand still: the estimate is shrunk by the prior of `measurement.motion`.

Shape letters: B sequences, T reports, N heard cells of a sequence, K hypotheses, M motion classes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rayfix.measurement.motion import MOTIONS, SPEED_M_S, MotionMix
from rayfix.model.map_trust import wrap_deg
from rayfix.model.radio_inputs import age_of
from rayfix.physics.likelihood import angle_difference_deg
from rayfix.physics.lookup import lookup_cells
from rayfix.physics.maps import AOA, MapTensors
from rayfix.physics.observation import Observation
from rayfix.physics.report_features import TOA
from rayfix.units import SPEED_OF_LIGHT_M_S

GRADIENT_STEP_M = 3.0
"""Half of the baseline over which the map's gradient is taken: beyond the noise of its pixels."""
STEEPEST = (1.2e9 / SPEED_OF_LIGHT_M_S, 6.0)
"""Gradients above these are jumps between paths, not motion: ToA [ns/m] (1 / c is the limit of
physics), AoA [deg/m] (10 m from the site)."""
REPORT_INTERVAL_S = 0.2
"""Time between two reports that the speeds of the prior are meant for. The reports' own clock does
not enter, only its proportions: shift and rate of a phone's clock change nothing."""
FREEDOM = 4.0
"""Degrees of freedom of the robust weights of slopes (Student's t)."""
ROBUST_ROUNDS = 3
LEAST_REPORTS = 3
"""Values of a quantity from which on its slope counts."""


class Displacement(NamedTuple):
    """From the middle of the way to its end.

    Attributes:
        mean_m_BK2, covariance_m2_BK22: of the displacement at each hypothesis [m].
        still_BK: probability that the phone does not move; 1 where there is a single report.
    """

    mean_m_BK2: Tensor
    covariance_m2_BK22: Tensor
    still_BK: Tensor


def velocity_prior(device: torch.device) -> tuple[Tensor, Tensor]:
    """Share and velocity variance per axis [m^2/s^2] of each motion class, [M]."""
    mix = MotionMix().model_dump()
    share = [mix[name] for name in MOTIONS]
    # Mean square of a speed uniform in [a, b] is (a^2 + a b + b^2) / 3, half of it on each axis.
    variance = [
        (low * low + low * high + high * high) / 6.0
        for low, high in (SPEED_M_S[name] for name in MOTIONS)
    ]
    return torch.tensor(share, device=device), torch.tensor(variance, device=device)


def displacement(
    observation: Observation,
    maps: MapTensors,
    xy_m_BK2: Tensor,
    sigma_toa_ns_B: Tensor,
    sigma_aoa_deg_B: Tensor,
) -> Displacement:
    """Displacement at places that the middle of the way may be.

    Args:
        observation: the sequences.
        maps: the radio map.
        xy_m_BK2: the places [m].
        sigma_toa_ns_B, sigma_aoa_deg_B: errors of a single report.
    """
    B, K, _ = xy_m_BK2.shape
    if observation.value_BTKF.shape[1] == 1:
        zero = xy_m_BK2.new_zeros(B, K, 2)
        return Displacement(zero, xy_m_BK2.new_zeros(B, K, 2, 2), xy_m_BK2.new_ones(B, K))
    slope_BN2, precision_BN2, ahead_s_B = _slopes(observation, sigma_toa_ns_B, sigma_aoa_deg_B)
    gradient, known = _gradients(observation, maps, xy_m_BK2)
    # Rows of the regression: (cell, quantity), flattened.
    gradient = gradient.flatten(2, 3)
    precision = (precision_BN2[:, None] * known).flatten(2)
    slope = slope_BN2[:, None].expand(B, K, -1, -1).flatten(2)
    share_M, variance_M = velocity_prior(xy_m_BK2.device)
    eye = torch.eye(2, device=xy_m_BK2.device)
    weight = precision
    for _ in range(ROBUST_ROUNDS):
        information = torch.einsum("bkr,bkri,bkrj->bkij", weight, gradient, gradient)
        score = torch.einsum("bkr,bkri,bkr->bki", weight, gradient, slope)
        velocity = torch.linalg.solve(information + eye / variance_M[-1], score)
        residual = slope - torch.einsum("bkri,bki->bkr", gradient, velocity)
        weight = precision * (FREEDOM + 1.0) / (FREEDOM + precision * residual.square())
    # Posterior of each class N(0, s^2 I): precision A + I / s^2; a class that stands still has
    # none of it. The evidence of a class is |I + s^2 A|^(-1/2) exp(b' C b / 2), C its covariance.
    inner = eye + variance_M[:, None, None] * information[:, :, None]
    covariance = torch.linalg.solve(inner, variance_M[:, None, None] * eye)
    mean = (covariance @ score[:, :, None, :, None])[..., 0]
    log_share = (
        share_M.log()
        - 0.5 * torch.linalg.det(inner).log()
        + 0.5 * (mean * score[:, :, None]).sum(-1)
    )
    share = log_share.softmax(-1)[..., None]
    centre = (share * mean).sum(2)
    apart = mean - centre[:, :, None]
    spread = (share[..., None] * (covariance + apart[..., :, None] * apart[..., None, :])).sum(2)
    ahead = ahead_s_B[:, None, None]
    still = torch.where(ahead[..., 0] > 0, share[:, :, MOTIONS.index("still"), 0], 1.0)
    return Displacement(centre * ahead, spread * ahead[..., None].square(), still)


def _slopes(
    observation: Observation, sigma_toa_ns_B: Tensor, sigma_aoa_deg_B: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Slopes in time of ToA [ns/s] and AoA [deg/s], [B, N, 2], their precisions, and the time from
    the middle of the reports to the last [s], [B]."""
    there = observation.report_BT
    count = there.sum(1, keepdim=True).clamp_min(1)
    time = age_of(observation) * (count - 1) * REPORT_INTERVAL_S
    ahead = -(time * there).sum(1) / count[:, 0]
    value = observation.value_BTKF[..., [TOA, AOA]]
    mean = observation.value_BKF[:, None, :, [TOA, AOA]]
    change = value - mean
    change = torch.stack([change[..., 0], wrap_deg(change[..., 1])], -1)
    known = observation.valid_BTKF[..., [TOA, AOA]]
    known = (
        known
        & torch.stack(
            [~observation.from_timing_advance_BK, torch.ones_like(observation.heard_BK)], -1
        )[:, None]
    )
    weight = known.to(value.dtype)
    number = weight.sum(1)
    at = time[:, :, None, None]
    centred = at - (weight * at).sum(1, keepdim=True) / number[:, None].clamp_min(1.0)
    total = (weight * centred.square()).sum(1)
    slope = (weight * centred * change).sum(1) / total.clamp_min(1e-6)
    variance = torch.stack([sigma_toa_ns_B, sigma_aoa_deg_B], -1).square()[:, None]
    usable = (number >= LEAST_REPORTS) & (total > 1e-4)
    return slope, torch.where(usable, total / variance, 0.0), ahead


def _gradients(
    observation: Observation, maps: MapTensors, xy_m_BK2: Tensor
) -> tuple[Tensor, Tensor]:
    """Gradients of ToA [ns/m] and AoA [deg/m] at places, [B, K, N, 2, 2] (quantity, axis), and
    which of them are usable, [B, K, N, 2]."""
    step = GRADIENT_STEP_M * xy_m_BK2.new_tensor([[1, 0], [-1, 0], [0, 1], [0, -1]])
    point = xy_m_BK2.detach()[:, :, None, None] + step[:, None]
    value, valid = lookup_cells(maps, point, observation.cell_BK[:, None, None])
    toa, aoa = value[..., TOA], value[..., AOA]
    difference = torch.stack(
        [
            torch.stack([toa[:, :, 0] - toa[:, :, 1], toa[:, :, 2] - toa[:, :, 3]], -1),
            torch.stack(
                [
                    angle_difference_deg(aoa[:, :, 0], aoa[:, :, 1]),
                    angle_difference_deg(aoa[:, :, 2], aoa[:, :, 3]),
                ],
                -1,
            ),
        ],
        -2,
    )
    gradient = difference / (2.0 * GRADIENT_STEP_M)
    smooth = gradient.norm(dim=-1) < xy_m_BK2.new_tensor(STEEPEST)
    usable = smooth & valid.all(2)[..., None] & observation.heard_BK[:, None, :, None]
    return gradient * usable[..., None], usable
