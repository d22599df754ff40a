"""Refinement of the network's answer on the physical evidence, from coarse to fine.

The network compares reports with blocks of the map. Refinement looks at its hypotheses again at the
map's own resolution (`LocatorNetwork.sharpen`: new weights, places and covariances), then climbs
the interpolated evidence from the heaviest of them (`physics.refine`: coarse to fine, never
downhill, never into a building). The mean over pixels knows the shape of the peak, the climb knows
where between two pixels it is: the position is half of each.

Shape letters: B sequences, K hypotheses, M of them that climb, J steps + 1.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from rayfix.model.fine_head import Hypotheses
from rayfix.model.network import LocatorNetwork, NetworkOutput
from rayfix.model.observed import Observed
from rayfix.model.scene_inputs import MapTokens, SceneInputs
from rayfix.physics.config import RefineConfig
from rayfix.physics.observation import Observation
from rayfix.physics.refine import refine_hypotheses

CLIMBERS = 3
"""Heaviest hypotheses that climb: the fix is the mean of the heaviest place, which they make up."""


class RefinedHypotheses(NamedTuple):
    """Hypotheses after refinement.

    Attributes:
        found: with their refined positions at the last report.
        observed: what was compared with the map, at the likeliest noise.
        path_m_JB2: way of the heaviest from start to end [m].
        energy_JB: negative tempered log likelihood along it, never rising.
    """

    found: Hypotheses
    observed: Observed
    path_m_JB2: Tensor
    energy_JB: Tensor


@torch.no_grad()
def refine(
    network: LocatorNetwork,
    scene: SceneInputs,
    tokens: MapTokens,
    observation: Observation,
    output: NetworkOutput,
    config: RefineConfig,
) -> RefinedHypotheses:
    """Refine the hypotheses of a batch."""
    found, observed = network.sharpen(output, observation, scene, tokens)
    temperature_B1 = observed.temperature_B[:, None]

    def energy(xy_m_BM2: Tensor) -> Tensor:
        return -temperature_B1 * network.log_evidence(observed, scene, xy_m_BM2, tokens.pixels)

    heavy_BM = found.log_weight_BK.topk(min(CLIMBERS, found.log_weight_BK.shape[1]), 1).indices
    index = heavy_BM[..., None].expand(-1, -1, 2)
    # The averaged reports speak of the middle of the way; the end lies as far from it as before.
    moved_BM2 = found.moved_m_BK2.gather(1, index)
    start_BM2 = found.mean_m_BK2.gather(1, index)
    climbed = refine_hypotheses(start_BM2 - moved_BM2, energy, config, scene.maps)
    ended_BM2 = 0.5 * (start_BM2 + climbed.xy_m_BM2 + moved_BM2)
    return RefinedHypotheses(
        found._replace(mean_m_BK2=found.mean_m_BK2.scatter(1, index, ended_BM2)),
        observed,
        climbed.path_m_SBM2[:, :, 0] + moved_BM2[:, 0],
        climbed.path_energy_SBM[..., 0],
    )
