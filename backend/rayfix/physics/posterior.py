"""Exact grid posterior: the probability of every outdoor place, given the reports and the map.

Shape letters: B sequences, K heard cells, C cells, E evidence features, H W rows and columns,
P outdoor places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rayfix.physics.correlated import log_correlated
from rayfix.physics.detection import log_detection
from rayfix.physics.likelihood_grid import LikelihoodGrid, likelihood_grid
from rayfix.physics.maps import MapTensors
from rayfix.physics.measured_features import log_features
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation

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
        detection_BP[part] += log_features(observation[part], noise, grid)
    return detection_BP * noise.likelihood_exponent
