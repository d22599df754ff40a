"""Locates on a map from measurements alone: the grid posterior with the map's own uncertainty.

Shape letters: B sequences, K hypotheses, P cells of the coarse grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rayfix.measurement.report import ReportBatch
from rayfix.model.coarse_grid import CoarseGrid
from rayfix.model.positioning import Estimate, Positions
from rayfix.physics.likelihood_grid import LikelihoodGrid, covered_grid
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import observe
from rayfix.physics.posterior import grid_posterior
from rayfix.physics.report_features import ReportTensors

NAME = "grid posterior on measured map"
COARSE = 32
HYPOTHESES = 5


@dataclass(frozen=True)
class MeasuredOnMap:
    """A measured map made ready: everything that does not depend on a report."""

    maps: MapTensors
    noise: NoiseModel
    places: LikelihoodGrid
    grid: CoarseGrid

    @classmethod
    def prepare(cls, maps: MapTensors, noise: NoiseModel) -> MeasuredOnMap:
        """Collect the map's places, once per map."""
        rows, columns = (min(COARSE, length) for length in maps.shape[1:])
        return cls(maps, noise, covered_grid(maps), CoarseGrid.over(maps, rows, columns))


@torch.no_grad()
def locate_measured(ready: MeasuredOnMap, batch: ReportBatch, pixels: bool = False) -> Positions:
    """Locate a batch of report sequences; there is no network, refinement or attention.

    Args:
        ready, batch: map and reports.
        pixels: also return the posterior of every pixel.
    """
    reports = ReportTensors.from_batch(batch, ready.maps.device)
    observation = observe(reports, ready.maps, ready.noise)
    posterior = grid_posterior(observation, ready.maps, ready.noise, grid=ready.places)
    centre_B2 = posterior.geometric_median()
    covariance_B22 = posterior.covariance(centre_B2)
    radius_68_B = posterior.radius(centre_B2, 0.68)
    near_BP = (
        torch.cdist(centre_B2, ready.places.xy_m_P2) <= radius_68_B[:, None]
    ) * posterior.probability_BP
    fix = Estimate(
        centre_B2,
        covariance_B22,
        posterior.ellipse_radius(centre_B2, covariance_B22, 0.68),
        posterior.ellipse_radius(centre_B2, covariance_B22, 0.95),
        radius_68_B,
        near_BP.sum(-1).clamp(max=1.0),
        centre_B2.new_zeros(len(centre_B2), 0),
    )
    coarse_BP = posterior.probability_BP.new_zeros(
        len(centre_B2), ready.grid.rows * ready.grid.columns
    ).index_add_(1, ready.grid.cell_of(ready.places.xy_m_P2), posterior.probability_BP)
    weight_BK, cell_BK = coarse_BP.topk(min(HYPOTHESES, coarse_BP.shape[1]), dim=-1)
    return Positions(
        fix=fix,
        unrefined=fix,
        hypothesis_xy_m_BK2=ready.grid.centres(ready.maps.device)[cell_BK],
        hypothesis_weight_BK=weight_BK,
        refinement=None,
        posterior_BP=coarse_BP,
        pixel_posterior_BYX=_on_map(posterior.probability_BP, ready) if pixels else None,
        map_attention_BLHP=None,
        token_attention_BLHTN=None,
    )


def _on_map(probability_BP: Tensor, ready: MeasuredOnMap) -> Tensor:
    """Probability of the places on all pixels of the map, [B, rows, columns]."""
    rows, columns = ready.maps.shape[1:]
    flat = probability_BP.new_zeros(len(probability_BP), rows * columns)
    flat[:, ready.places.index_P] = probability_BP
    return flat.view(-1, rows, columns)
