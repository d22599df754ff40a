"""Physical refinement of the network's hypotheses, and the mean of the evidence around each.

The network reads the map in whole pixels. Refinement climbs the interpolated evidence from every
hypothesis (`physics.refine`: coarse to fine, never downhill, never into a building) and then
integrates the evidence around the place it reached: the mean of a skewed peak has a smaller error
than its top. The refined position is half the network's and half the evidence's mean: on validation
data their errors differ enough that this has a smaller median and a smaller P90 than either. The
covariance stays the network's, which has learned what the evidence does not know of itself.

Shape letters: B sequences, K hypotheses, J steps + 1, Z quadrature points.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rayfix.model.evidence import Observed
from rayfix.model.fine_head import Hypotheses
from rayfix.model.network import LocatorNetwork, SceneInputs
from rayfix.physics.config import RefineConfig
from rayfix.physics.refine import refine_hypotheses

POINTS = 7
"""Quadrature points along an axis."""
SPAN = 2.5
"""Standard deviations that they reach to."""
SMALLEST_SIGMA_M = 0.5
LARGEST_SIGMA_M = 8.0
"""Bounds of the quadrature's scale: half of a coarse cell, so that neighbours overlap little."""


class RefinedHypotheses(NamedTuple):
    """Hypotheses after refinement.

    Attributes:
        mean_m_BK2: refined positions at the last report [m].
        path_m_JBK2: places from start to end [m].
        energy_JBK: negative tempered log likelihood along the path, never rising.
    """

    mean_m_BK2: Tensor
    path_m_JBK2: Tensor
    energy_JBK: Tensor


def refine(
    network: LocatorNetwork,
    scene: SceneInputs,
    observed: Observed,
    found: Hypotheses,
    config: RefineConfig,
) -> RefinedHypotheses:
    """Refine all hypotheses of a batch."""

    def energy(xy_m_BM2: Tensor) -> Tensor:
        return -network.log_evidence(observed, scene, xy_m_BM2)

    # The averaged reports speak of the middle of the way; the end lies as far from it as before.
    moved = found.moved_m_BK2
    climbed = refine_hypotheses(found.mean_m_BK2 - moved, energy, config, scene.maps)
    evidence_mean = _integrate(network, scene, observed, found, climbed.xy_m_BM2) + moved
    return RefinedHypotheses(
        0.5 * (found.mean_m_BK2 + evidence_mean),
        climbed.path_m_SBM2 + moved,
        climbed.path_energy_SBM,
    )


@torch.no_grad()
def _integrate(
    network: LocatorNetwork,
    scene: SceneInputs,
    observed: Observed,
    found: Hypotheses,
    centre_m_BK2: Tensor,
) -> Tensor:
    """Mean of the evidence around places [m], [B, K, 2].

    The points are a grid in the hypothesis' own standard deviations, so that a sharp peak is
    sampled finely and a broad one widely.
    """
    B, K, _ = centre_m_BK2.shape
    axis = torch.linspace(-SPAN, SPAN, POINTS, device=centre_m_BK2.device)
    grid_Z2 = torch.cartesian_prod(axis, axis)
    value, vector = torch.linalg.eigh(found.covariance_m2_BK22)
    sigma = value.clamp_min(0.0).sqrt().clamp(SMALLEST_SIGMA_M, LARGEST_SIGMA_M)
    factor = vector * sigma[..., None, :]
    point = centre_m_BK2[:, :, None] + grid_Z2 @ factor.mT
    density = network.log_evidence(observed, scene, point.flatten(1, 2)).view(B, K, -1)
    row, column = scene.maps.pixel_of(point)
    outdoor = scene.maps.outdoor_HW[row, column] & scene.maps.contains(point)
    share = density.masked_fill(~outdoor, -1e4).softmax(-1)[..., None]
    mean: Tensor = (share * point).sum(2)
    return mean
