"""Posterior of the last place of a moving phone: grid posterior times constant velocities.

Averaged over time, a sequence speaks of the middle of the way. The places of the static posterior
are therefore taken as middles; each is paired with velocities, and a pair is judged by the mean
residual along its way (with the errors that all reports share) and by how the residuals scatter
around that mean (with the errors that differ from report to report).

Shape letters: B sequences, T reports, G moments of the way, M middles, V velocities, K heard
cells, E evidence features, P outdoor places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rayfix.errors import InvalidInputError
from rayfix.physics.clock import without_clock_offset
from rayfix.physics.density import core_density
from rayfix.physics.likelihood import (
    EVIDENCE_FEATURES,
    advance_interval,
    feature_difference,
)
from rayfix.physics.likelihood_grid import LikelihoodGrid, likelihood_grid
from rayfix.physics.lookup import lookup_evidence
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation, masked_mean
from rayfix.physics.posterior import GridPosterior, grid_posterior
from rayfix.physics.report_features import TOA


@dataclass(frozen=True)
class MotionPrior:
    """Classes of constant velocity: probability, speeds [m/s] and number of headings.

    The grid of velocities is fine enough that over the reports of two seconds the middle of a
    velocity's cell is within a pixel or two of its border.
    """

    classes: tuple[tuple[float, tuple[float, ...], int], ...] = (
        (0.6, (0.0,), 1),
        (0.3, (1.5,), 8),
        (0.1, (6.0, 8.5, 11.0, 13.5), 20),
    )

    def velocities(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Velocities [m/s] [V, 2] and their log prior [V]."""
        velocity, log_prior = [], []
        for share, speeds, headings in self.classes:
            for speed in speeds:
                for n in range(headings):
                    turn = 2.0 * math.pi * n / headings
                    velocity.append((speed * math.cos(turn), speed * math.sin(turn)))
                    log_prior.append(math.log(share / (len(speeds) * headings)))
        return torch.tensor(velocity, device=device), torch.tensor(log_prior, device=device)


MIDDLES = 256
"""Places of the static posterior that are tried as the middle of the way."""
SCOUTS = 16
"""The best of them, on which all velocities are tried before the worst are given up."""
VELOCITIES_KEPT = 16
MOMENTS = 5
"""Reports are joined to this many moments of a way at most."""
TIMING_ADVANCE_SPREAD_NS = 38.0
"""Standard deviation of a timing advance's quantisation along a way [ns]: a step of 260 ns there
and back at 30 kHz, over sqrt(12)."""
LOST_CHI = 9.0
"""Squared normalised residual of a report whose cell has no path on the way: three sigmas."""
INDOOR_LOG_PENALTY = -3.0
"""Log factor for each moment of a way inside a building: maps err at walls by a pixel."""


def sequence_posterior(
    observation: Observation,
    maps: MapTensors,
    noise: NoiseModel,
    prior: MotionPrior | None = None,
    grid: LikelihoodGrid | None = None,
) -> GridPosterior:
    """Posterior of the place at the time of the last report.

    Args:
        observation: B sequences of T reports; with one report this is `grid_posterior`.
        maps: the radio map.
        noise: errors of features, detection.
        prior: classes of velocity.
        grid: `likelihood_grid(maps)`, to spare making it again.
    Raises:
        InvalidInputError: the grid is not at full resolution.
    """
    grid = grid or likelihood_grid(maps)
    if grid.shape != maps.shape[1:]:
        raise InvalidInputError("grid", "full resolution (stride 1) is expected")
    static = grid_posterior(observation, maps, noise, grid=grid)
    if int(observation.report_BT.sum(-1).max()) < 2:
        return static
    velocity_V2, log_prior_V = (prior or MotionPrior()).velocities(maps.device)
    rows = [
        _last_place(observation[b : b + 1], static.probability_BP[b], velocity_V2, log_prior_V,
                    maps, noise, grid)
        for b in range(len(observation))
    ]  # fmt: skip
    return GridPosterior(torch.stack(rows), grid)


def _last_place(
    observation: Observation,
    static_P: Tensor,
    velocity_V2: Tensor,
    log_prior_V: Tensor,
    maps: MapTensors,
    noise: NoiseModel,
    grid: LikelihoodGrid,
) -> Tensor:
    """Probability of the last place of one sequence, [P]."""
    if int(observation.report_BT.sum()) < 2:
        return static_P
    moments = _moments(observation)
    count = min(MIDDLES, len(static_P))
    weight_M, place_M = static_P.topk(count)
    middle_M2 = grid.xy_m_P2[place_M]
    scouts = slice(0, min(SCOUTS, count))
    # What the static posterior says beyond the mean residual, which is judged anew: detection.
    still_M = _log_way(
        middle_M2, torch.zeros_like(velocity_V2[:1]), moments, observation, maps, noise
    )
    power = noise.likelihood_exponent
    base_M1 = weight_M.clamp(min=1e-30).log()[:, None] - power * still_M.mean_MV
    tried = _log_way(middle_M2[scouts], velocity_V2, moments, observation, maps, noise)
    score_V = (power * tried.total_MV + base_M1[scouts]).logsumexp(0) + log_prior_V
    kept_V = score_V.topk(min(VELOCITIES_KEPT, len(score_V))).indices
    way = _log_way(middle_M2, velocity_V2[kept_V], moments, observation, maps, noise)
    log_MV = power * way.total_MV + base_M1 + log_prior_V[kept_V]
    probability_MV = log_MV.flatten().softmax(0).view_as(log_MV)
    last_MV2 = middle_M2[:, None] + velocity_V2[kept_V] * moments.ahead_s
    return _splat(last_MV2.flatten(0, 1), probability_MV.flatten(), maps, grid)


@dataclass(frozen=True)
class _Moments:
    """Reports of one sequence joined to G moments.

    value_GKE, valid_GKE: mean features; count_GKE: reports behind each; time_s_G: since the
    middle of the way; ahead_s: from the middle to the last report.
    """

    value_GKE: Tensor
    valid_GKE: Tensor
    count_GKE: Tensor
    time_s_G: Tensor
    ahead_s: float


@dataclass(frozen=True)
class _LogWay:
    """Log likelihood of the mean residual, and in all, of middles and velocities [M, V]."""

    mean_MV: Tensor
    total_MV: Tensor


def _moments(observation: Observation) -> _Moments:
    features = list(EVIDENCE_FEATURES)
    reports_T = observation.report_BT[0].nonzero()[:, 0]
    time_T = observation.time_s_BT[0, reports_T]
    groups = reports_T.tensor_split(min(MOMENTS, len(reports_T)))
    values, counts, times = [], [], []
    for group in groups:
        mean_BKF, count_BKF = masked_mean(
            observation.value_BTKF[:, group], observation.valid_BTKF[:, group]
        )
        values.append(mean_BKF[0][:, features])
        counts.append(count_BKF[0][:, features])
        times.append(observation.time_s_BT[0, group].mean())
    count_GKE = torch.stack(counts)
    middle_s = time_T.mean()
    return _Moments(
        torch.stack(values),
        count_GKE > 0,
        count_GKE,
        torch.stack(times) - middle_s,
        float(time_T[-1] - middle_s),
    )


def _log_way(
    middle_M2: Tensor,
    velocity_V2: Tensor,
    moments: _Moments,
    observation: Observation,
    maps: MapTensors,
    noise: NoiseModel,
) -> _LogWay:
    offset_VG2 = velocity_V2[:, None] * moments.time_s_G[:, None]
    place_MVG2 = middle_M2[:, None, None] + offset_VG2
    cell_K = observation.cell_BK[0]
    expected, path_MVGK = lookup_evidence(maps, place_MVG2[..., None, :], cell_K)
    residual = feature_difference(moments.value_GKE, expected)
    known = moments.valid_GKE & path_MVGK[..., None]
    one_way_K = observation.one_way_BK[0]
    if noise.clock_offset_ns:
        # What a drifting clock adds at a moment is no way of the phone.
        variance_GK = noise.toa.independent**2 / moments.count_GKE[..., TOA].clamp(min=1.0)
        even_MVGK, _ = without_clock_offset(
            residual[..., TOA], variance_GK, known[..., TOA] & one_way_K, noise, dim=-1
        )
        drift_MVGK = residual[..., TOA] - even_MVGK
        drift_MVGK = drift_MVGK - drift_MVGK.mean(2, keepdim=True)
        residual[..., TOA] -= drift_MVGK
    weight = moments.count_GKE * known
    total = weight.sum(2)
    mean_MVKE = (residual * weight).sum(2) / total.clamp(min=1.0)
    scatter = ((residual - mean_MVKE[:, :, None]).square() * weight).sum(2)
    # Moments in the shadow of a cell that was heard then: a way must not gain by them.
    count_KE = moments.count_GKE.sum(0)
    lost = count_KE - total
    # A timing advance says the middle of an interval, which is not the mean of its middles.
    seen_K = (moments.value_GKE * moments.count_GKE).sum(0)[:, TOA] / count_KE[:, TOA].clamp(min=1)
    coarse_K = observation.from_timing_advance_BK[0]
    mean_MVKE[..., TOA] += torch.where(
        coarse_K, observation.value_BKF[0, :, TOA] - seen_K, torch.zeros_like(seen_K)
    )
    measured_KE = moments.valid_GKE.any(0)
    log_mean = mean_MVKE.new_zeros(mean_MVKE.shape[:3])
    log_scatter = torch.zeros_like(log_mean)
    interval_BK = advance_interval(observation)
    interval_K = None if interval_BK is None else interval_BK[0]
    for e, feature in enumerate(EVIDENCE_FEATURES):
        kind = noise.of_feature(feature)
        variance_K = observation.sigma_BKF[0, :, feature].square()
        interval = interval_K if feature == TOA else None
        mean_MVK = mean_MVKE[..., e]
        if feature == TOA and noise.clock_offset_ns:
            one_way_MVK = (total[..., e] > 0) & one_way_K
            mean_MVK, clock_MV = without_clock_offset(
                mean_MVK, variance_K, one_way_MVK, noise, dim=-1
            )
            log_mean[..., 0] += clock_MV
        core = core_density(mean_MVK, variance_K, kind, interval)
        density = torch.where(total[..., e] > 0, core + kind.floor, kind.no_path_density)
        log_mean = log_mean + torch.where(measured_KE[:, e], density.clamp(min=1e-30).log(), 0.0)
        log_scatter = log_scatter + _log_scatter(
            scatter[..., e], lost[..., e], feature, observation, noise
        )
    row, column = maps.pixel_of(place_MVG2)
    indoor_MV = (~maps.outdoor_HW[row, column] | ~maps.contains(place_MVG2)).sum(-1)
    mean_MV = log_mean.sum(-1)
    return _LogWay(mean_MV, mean_MV + log_scatter.sum(-1) + INDOOR_LOG_PENALTY * indoor_MV)


def _log_scatter(
    scatter_MVK: Tensor,
    lost_MVK: Tensor,
    feature: int,
    observation: Observation,
    noise: NoiseModel,
) -> Tensor:
    """Log likelihood of the residuals around their mean, but for a constant; [M, V, K].

    A multivariate Student-t: one odd way of one cell must not decide. A timing advance moves in
    steps along a way, so that its quantisation is part of the scatter.
    """
    kind = noise.of_feature(feature)
    sigma_K = torch.full_like(observation.sigma_BKF[0, :, feature], kind.independent)
    if feature == TOA:
        step_ns = noise.timing_advance.independent + TIMING_ADVANCE_SPREAD_NS
        sigma_K = torch.where(observation.from_timing_advance_BK[0], step_ns, sigma_K)
    nu = kind.degrees_of_freedom or 30.0
    chi_MVK = scatter_MVK / sigma_K.clamp(min=1e-3).square() + LOST_CHI * lost_MVK
    return -0.5 * (nu + MOMENTS - 1) * torch.log1p(chi_MVK / nu)


def _splat(xy_m_N2: Tensor, weight_N: Tensor, maps: MapTensors, grid: LikelihoodGrid) -> Tensor:
    """Weights at points as a distribution over the outdoor places of a grid at full resolution.

    Bilinear, so that the mean stays where it is; what falls indoors is lost (and made up for).
    """
    rows, columns = grid.shape
    x = ((xy_m_N2[:, 0] - maps.x_min_m) / maps.resolution_m).clamp(0, columns - 1)
    y = ((xy_m_N2[:, 1] - maps.y_min_m) / maps.resolution_m).clamp(0, rows - 1)
    column, row = x.floor().clamp(max=columns - 2), y.floor().clamp(max=rows - 2)
    fx, fy = x - column, y - row
    full = weight_N.new_zeros(rows * columns)
    base = (row * columns + column).long()
    for shift, share in (
        (0, (1 - fx) * (1 - fy)),
        (1, fx * (1 - fy)),
        (columns, (1 - fx) * fy),
        (columns + 1, fx * fy),
    ):
        full.index_add_(0, base + shift, weight_N * share)
    outdoor_P = full[grid.index_P]
    return outdoor_P / outdoor_P.sum().clamp(min=1e-12)
