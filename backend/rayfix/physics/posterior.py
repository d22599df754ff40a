"""Exact grid posterior: the probability of every outdoor place, given the reports and the map.

Shape letters: B sequences, K heard cells, C cells, E evidence features, H W rows and columns,
P outdoor places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from rayfix.physics.clock import clock_offset_at_rows
from rayfix.physics.correlated import log_correlated
from rayfix.physics.density import core_density
from rayfix.physics.detection import log_detection
from rayfix.physics.likelihood import (
    EVIDENCE_FEATURES,
    advance_interval,
    angle_difference_deg,
)
from rayfix.physics.likelihood_grid import LikelihoodGrid, likelihood_grid
from rayfix.physics.maps import AOA, MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation
from rayfix.physics.report_features import PATH_GAIN, TOA

CHUNK_ELEMENTS = 1 << 20
"""Sequences are worked on in chunks of about this many (cell, place) pairs: bounds memory."""


@dataclass(frozen=True)
class GridPosterior:
    """Probability of every place of the grid.

    Attributes:
        probability_BP: sums to 1 over the places.
        grid: the places.
    """

    probability_BP: Tensor
    grid: LikelihoodGrid

    @property
    def probability_BHW(self) -> Tensor:
        """On the grid; 0 indoors."""
        rows, columns = self.grid.shape
        full = self.probability_BP.new_zeros(len(self.probability_BP), rows * columns)
        full[:, self.grid.index_P] = self.probability_BP
        return full.view(-1, rows, columns)

    def mode(self) -> Tensor:
        """The most probable place [m], [B, 2]."""
        return self.grid.xy_m_P2[self.probability_BP.argmax(-1)]

    def mean(self) -> Tensor:
        """Mean of the posterior [m], [B, 2]: least squared error; may lie indoors."""
        return self.probability_BP @ self.grid.xy_m_P2

    def geometric_median(self) -> Tensor:
        """The place of least expected distance to the truth [m], [B, 2]; may lie indoors.

        Weiszfeld's iteration from the mean; a place's size keeps its weight finite. Of a posterior
        with several modes it stays near the heaviest, where the mean would be between them.
        """
        centre_B2 = self.mean()
        for _ in range(10):
            distance_BP = (self._squared_distance(centre_B2) + (self.pixel_m / 2.0) ** 2).sqrt()
            weight_BP = self.probability_BP / distance_BP
            centre_B2 = weight_BP @ self.grid.xy_m_P2 / weight_BP.sum(-1, keepdim=True)
        return centre_B2

    def local_mean(self, radius_m: float = 8.0) -> tuple[Tensor, Tensor]:
        """Mean [B, 2] within a radius of the heaviest place, and the weight there [B].

        The heaviest place is the one with most probability within the radius around it, roughly:
        the mode moves to the mean of its surroundings until it stays (mean shift, flat kernel).
        """
        centre_B2 = self.mode()
        for _ in range(3):
            near_BP = self.probability_BP * (self._squared_distance(centre_B2) <= radius_m**2)
            weight_B = near_BP.sum(-1).clamp(min=1e-12)
            centre_B2 = near_BP @ self.grid.xy_m_P2 / weight_B[:, None]
        return centre_B2, weight_B

    def covariance(self, about_B2: Tensor | None = None) -> Tensor:
        """Second moment about a point (None = the mean) [m^2], [B, 2, 2], pixel size included."""
        xy_P2 = self.grid.xy_m_P2
        mean_B2 = self.mean()
        product_P4 = (xy_P2[:, :, None] * xy_P2[:, None, :]).flatten(1)
        raw_B22 = (self.probability_BP @ product_P4).view(-1, 2, 2)
        central_B22 = raw_B22 - mean_B2[:, :, None] * mean_B2[:, None, :]
        if about_B2 is not None:
            away_B2 = mean_B2 - about_B2
            central_B22 = central_B22 + away_B2[:, :, None] * away_B2[:, None, :]
        # Rounding of squares of hundreds of metres stays far below the pixel.
        return central_B22 + torch.eye(2, device=raw_B22.device) * self.pixel_m**2 / 12.0

    @property
    def pixel_m(self) -> float:
        """Side of a place [m]."""
        return float(self.grid.x_m_W[1] - self.grid.x_m_W[0])

    def radius(self, about_B2: Tensor, confidence: float) -> Tensor:
        """Radius around a point that holds this probability [m], [B]."""
        within = confidence * self.pixel_m**2 / math.pi
        return (self._holding(self._squared_distance(about_B2), confidence) + within).sqrt()

    def ellipse_radius(self, about_B2: Tensor, covariance_B22: Tensor, confidence: float) -> Tensor:
        """Mahalanobis radius of the ellipse around a point that holds this probability, [B].

        `ellipse_scale` where the posterior is Gaussian; smaller or larger where it is not.
        """
        # Distances in coordinates that make the ellipse a circle: x -> L^T x with L L^T = C^-1.
        precision_B22 = covariance_B22.inverse()
        whiten_B22 = torch.linalg.cholesky(precision_B22)
        offset_BP2 = self.grid.xy_m_P2 @ whiten_B22 - about_B2[:, None] @ whiten_B22
        squared_B = self._holding(offset_BP2.square().sum(-1), confidence)
        within_m2 = confidence * self.pixel_m**2 / math.pi
        half_trace_B = 0.5 * precision_B22.diagonal(dim1=-2, dim2=-1).sum(-1)
        return (squared_B + within_m2 * half_trace_B).sqrt()

    def _holding(self, squared_BP: Tensor, confidence: float) -> Tensor:
        """Smallest squared distance within which the places with this probability lie, [B].

        The centre of a place stands for it; that the place has a size comes on top: the circle of
        `confidence` times its area.
        """
        ordered_BP, order_BP = squared_BP.clamp(min=0.0).sort(-1)
        mass_BP = self.probability_BP.gather(1, order_BP).cumsum(-1)
        position_B1 = (mass_BP < confidence).sum(-1, keepdim=True).clamp(max=mass_BP.shape[1] - 1)
        squared_B1: Tensor = ordered_BP.gather(1, position_B1)
        return squared_B1[:, 0]

    def _squared_distance(self, about_B2: Tensor) -> Tensor:
        """Squared distance of every place [m^2], [B, P], without a [B, P, 2] in between."""
        xy_P2 = self.grid.xy_m_P2
        square_BP = about_B2.square().sum(-1)[:, None] + xy_P2.square().sum(-1)
        return torch.addmm(square_BP, about_B2, xy_P2.T, alpha=-2.0)


def ellipse_scale(confidence: float) -> float:
    """Semi-axes over standard deviations of a Gaussian's ellipse: sqrt(-2 ln(1 - p))."""
    return math.sqrt(-2.0 * math.log1p(-confidence))


def grid_posterior(
    observation: Observation,
    maps: MapTensors,
    noise: NoiseModel,
    stride: int = 1,
    grid: LikelihoodGrid | None = None,
) -> GridPosterior:
    """Posterior of each sequence, its reports averaged, with a uniform prior over outdoor places.

    Args:
        observation: B sequences.
        maps: the radio map.
        noise: errors of features, detection.
        stride: pixels along the side of a place; not used when `grid` is given.
        grid: a grid made before, to spare making it again.
    """
    grid = grid or likelihood_grid(maps, stride)
    log_BP = _log_likelihood(observation, maps, noise, grid) + grid.outdoor_P.log()
    return GridPosterior(log_BP.softmax(-1), grid)


def log_likelihood_grid(
    observation: Observation,
    maps: MapTensors,
    noise: NoiseModel,
    stride: int = 1,
    grid: LikelihoodGrid | None = None,
) -> Tensor:
    """Log likelihood of each sequence at every place, [B, H, W]; -inf indoors.

    The sum of
    - for every heard cell, the log density of each measured feature: around the map's value at
      the place and, by `NoiseModel.window_share`, around that of its window, each with the map's
      variance there added to the noise; the flat density alone where the cell reaches neither;
    - for every cell, the log probability of being heard, or of not being heard (not detected, or
      below the weakest entry of a full list), see `LikelihoodGrid.heard_share_CP`;
    or, with `NoiseModel.cell_correlation`, the joint density of both;
    times `NoiseModel.likelihood_exponent`.
    Arguments as for `grid_posterior`.
    """
    grid = grid or likelihood_grid(maps, stride)
    rows, columns = grid.shape
    log_BP = _log_likelihood(observation, maps, noise, grid)
    full = log_BP.new_full((len(log_BP), rows * columns), -torch.inf)
    full[:, grid.index_P] = log_BP
    return full.view(-1, rows, columns)


def _log_likelihood(
    observation: Observation, maps: MapTensors, noise: NoiseModel, grid: LikelihoodGrid
) -> Tensor:
    if not len(observation):
        return grid.mean_CEP.new_zeros(0, len(grid.xy_m_P2))
    if noise.cell_correlation is not None:
        together_BP = log_correlated(observation, maps, noise, grid)
        return together_BP * noise.likelihood_exponent
    detection_BP = log_detection(observation, maps, noise, grid)
    chunk = max(1, CHUNK_ELEMENTS // (len(grid.xy_m_P2) * observation.cell_BK.shape[1]))
    for start in range(0, len(observation), chunk):
        part = slice(start, start + chunk)
        detection_BP[part] += _any_offset(observation[part], noise, grid)
    return detection_BP * noise.likelihood_exponent


OFFSET_REACH = 3.0
"""A phone's RSRP offset is looked for this many standard deviations to either side."""


def _any_offset(observation: Observation, noise: NoiseModel, grid: LikelihoodGrid) -> Tensor:
    """`_features`, integrated over the phone's RSRP offset where it may have one."""
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
