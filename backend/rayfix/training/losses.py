"""The training loss: L = L_coarse + lambda_fine L_fine + lambda_evidence L_evidence
+ lambda_phys L_phys.

Shape letters: B sequences, K hypotheses.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rayfix.errors import RayFixError
from rayfix.model.fine_head import Hypotheses
from rayfix.model.network import LocatorNetwork, NetworkOutput
from rayfix.model.observed import NOISE_LOG_PRIOR, NOISE_SCALES
from rayfix.model.scene_inputs import MapTokens, SceneInputs
from rayfix.physics.loss import PhysicsLoss
from rayfix.physics.maps import MapTensors
from rayfix.physics.observation import Observation
from rayfix.training.config import TrainingConfig

ROBUST_NATS = 20.0
"""A single sequence adds at most about this to the fine loss; beyond, its gradient fades."""


class NonFiniteLossError(RayFixError):
    """A term of the loss is NaN or infinite; the message names the term and the step."""

    code = "non_finite_loss"


class LossTerms(NamedTuple):
    """The terms before weighting, scalars; `total` is weighted."""

    coarse: Tensor
    fine: Tensor
    evidence: Tensor
    physics: Tensor
    total: Tensor


def training_loss(
    network: LocatorNetwork,
    output: NetworkOutput,
    scene: SceneInputs,
    tokens: MapTokens,
    truth_xy_m_B2: Tensor,
    middle_xy_m_B2: Tensor,
    exact_B: Tensor,
    physics: PhysicsLoss | None,
    observation: Observation,
    config: TrainingConfig,
) -> LossTerms:
    """All terms of one step.

    Args:
        network, output, scene, tokens: the network, its output and the map it looked at.
        truth_xy_m_B2: true positions at the last report [m].
        middle_xy_m_B2: true middles of the ways [m].
        exact_B: sequences from exact paths; only they teach the errors of the map.
        physics, observation: physics loss (None = lambda_phys is 0) and what it compares.
        config: weights.
    """
    truth = scene.grid.cell_of(middle_xy_m_B2)
    coarse = F.cross_entropy(output.coarse_logit_BP, truth)
    fine = fine_loss(output.hypotheses, truth, truth_xy_m_B2)
    if network.config.use_evidence:
        sharp, _ = network.sharpen(output, observation, scene, tokens)
        fine = fine + fine_loss(sharp, truth, truth_xy_m_B2)
    evidence = evidence_loss(network, output, scene, middle_xy_m_B2, exact_B)
    phys = coarse.new_zeros(())
    if physics is not None:
        phys = physics_term(physics, output.hypotheses, observation, scene.maps)
    weights = config.training.loss
    total = (
        weights.coarse_weight * coarse
        + weights.fine_weight * fine
        + weights.evidence_weight * evidence
        + config.lambda_phys * phys
    )
    return LossTerms(coarse, fine, evidence, phys, total)


def fine_loss(found: Hypotheses, truth_B: Tensor, truth_xy_m_B2: Tensor) -> Tensor:
    """Re-ranking and heteroscedastic regression of the hypothesis in the truth's coarse cell.

    - log w of that hypothesis (cross-entropy over K) - log N(truth; mean, covariance).
    """
    right_BK = found.cell_BK == truth_B[:, None]
    index = right_BK.float().argmax(1)
    batch = torch.arange(len(index), device=index.device)
    rank = -found.log_weight_BK[batch, index]
    factor = found.cholesky_m_BK22[batch, index]
    error = (truth_xy_m_B2 - found.mean_m_BK2[batch, index])[..., None]
    whitened = torch.linalg.solve_triangular(factor, error, upper=False)[..., 0]
    nats = (
        0.5 * whitened.square().sum(-1)
        + factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        + math.log(2.0 * math.pi)
    )
    nats = ROBUST_NATS * torch.tanh(nats / ROBUST_NATS)
    return ((rank + nats) * right_BK.any(1)).mean()


def evidence_loss(
    network: LocatorNetwork,
    output: NetworkOutput,
    scene: SceneInputs,
    middle_xy_m_B2: Tensor,
    exact_B: Tensor,
) -> Tensor:
    """Mean negative log density of what was observed at the truth, per observed value.

    It teaches the errors of map and measurement, and when a cell stays unheard.
    """
    observed = output.observed
    detection_B = network.log_detection(observed, scene, middle_xy_m_B2)
    log_likelihood = [
        network.log_evidence(observed.at_noise(scale), scene, middle_xy_m_B2[:, None])[:, 0]
        + log_prior
        for scale, log_prior in zip(NOISE_SCALES, NOISE_LOG_PRIOR, strict=True)
    ]
    likelihood_B = torch.logsumexp(torch.stack(log_likelihood), 0) + detection_B
    values = exact_B[observed.sequence_R].sum().clamp_min(1)
    return -likelihood_B[exact_B].sum() / values


def physics_term(
    physics: PhysicsLoss, found: Hypotheses, observation: Observation, maps: MapTensors
) -> Tensor:
    """Physics loss of the hypotheses under their weights: what the answer is expected to cost."""
    middle_m_BK2 = found.mean_m_BK2 - found.moved_m_BK2
    energy_BK = physics.energy(middle_m_BK2, observation, maps)
    return (found.log_weight_BK.exp() * energy_BK.clamp_max(100.0)).sum(1).mean()


def check_finite(terms: LossTerms, step: int) -> None:
    """Stop at the first step whose loss is not a number.

    Raises:
        NonFiniteLossError: naming the step and the terms.
    """
    if bool(torch.isfinite(terms.total)):
        return
    bad = [name for name, value in terms._asdict().items() if not bool(torch.isfinite(value))]
    raise NonFiniteLossError(f"step {step}: the loss is not finite ({', '.join(bad)})")
