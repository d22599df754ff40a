"""From reports to positions: the one inference that evaluation and the locator share.

network -> hypotheses -> physical refinement -> one position with a calibrated uncertainty.

Shape letters: B sequences, T reports, N heard cells of a report, K hypotheses, P coarse cells,
L layers, H heads, J steps of refinement, Y rows and X columns of the map's pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from rayfix.measurement.report import ReportBatch
from rayfix.model.artefact import Model
from rayfix.model.calibration import Calibration, evidence_traits, traits
from rayfix.model.coarse_grid import CoarseGrid
from rayfix.model.fine_head import Hypotheses
from rayfix.model.pixel_posterior import pixel_posterior
from rayfix.model.refinement import refine
from rayfix.model.scene_inputs import MapTokens, SceneInputs
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation, observe
from rayfix.physics.report_features import ReportTensors

MODE_RADIUS_M = 24.0
"""Hypotheses this close to one another are one place: neighbouring coarse cells and their
diagonals."""


@dataclass(frozen=True)
class ModelOnMap:
    """A model and a map, encoded once when the first report comes (or by `prepare`): half a GB for
    Munich, which a process that only reads answers need not have."""

    model: Model
    maps: MapTensors

    @cached_property
    def scene(self) -> SceneInputs:
        """What the network reads of the map."""
        return self.model.network.scene_inputs(self.maps)

    @cached_property
    def tokens(self) -> MapTokens:
        """The map as the network's weights see it."""
        with torch.no_grad():
            return self.model.network.encode_map(self.scene)

    @property
    def noise(self) -> NoiseModel:
        """Errors that the model expects of reports."""
        return self.model.config.noise

    @property
    def grid(self) -> CoarseGrid:
        """The grid of the posterior."""
        network = self.model.config.network
        return CoarseGrid.over(self.maps, network.rows, network.columns)

    @classmethod
    def prepare(cls, model: Model, maps: MapTensors) -> ModelOnMap:
        """Encode a map now; some tens of milliseconds."""
        ready = cls(model, maps)
        _ = ready.tokens
        return ready


class Estimate(NamedTuple):
    """Positions with calibrated uncertainty.

    Attributes:
        xy_m_B2: east, north [m].
        covariance_m2_B22: covariance [m^2]; its ellipse of Mahalanobis radius r has semi-axes
            r sqrt(eigenvalue) (`ellipse_axes`).
        ellipse_68_B, ellipse_95_B: Mahalanobis radii that hold 68 % and 95 % of the truths.
        radius_68_m_B: radius of the circle that holds 68 % [m].
        confidence_B: probability of the place that the position belongs to.
        trait_BF: what the radii were found from (`calibration.TRAITS`); empty where no calibration
            was.
    """

    xy_m_B2: Tensor
    covariance_m2_B22: Tensor
    ellipse_68_B: Tensor
    ellipse_95_B: Tensor
    radius_68_m_B: Tensor
    confidence_B: Tensor
    trait_BF: Tensor


class RefinementPath(NamedTuple):
    """What refinement did with the hypothesis that the fix follows.

    Attributes:
        path_m_BJ2: places from start to end [m].
        energy_BJ: negative log likelihood of the reports at each place.
    """

    path_m_BJ2: Tensor
    energy_BJ: Tensor


@dataclass(frozen=True)
class Positions:
    """The answer to a batch of sequences.

    Attributes:
        fix: the answer.
        unrefined: what the network alone says.
        hypothesis_xy_m_BK2, hypothesis_weight_BK: places considered, heaviest first.
        refinement: None where it was switched off.
        posterior_BP: probability of every coarse cell, row-major from the south-west corner.
        pixel_posterior_BYX: probability of every pixel of the map, when asked for.
        map_attention_BLHP, token_attention_BLHTN: when asked for.
    """

    fix: Estimate
    unrefined: Estimate
    hypothesis_xy_m_BK2: Tensor
    hypothesis_weight_BK: Tensor
    refinement: RefinementPath | None
    posterior_BP: Tensor
    pixel_posterior_BYX: Tensor | None
    map_attention_BLHP: Tensor | None
    token_attention_BLHTN: Tensor | None


@torch.inference_mode()
def locate(
    ready: ModelOnMap,
    batch: ReportBatch,
    refine_steps: int | None = None,
    attention: bool = False,
    pixels: bool = False,
) -> Positions:
    """Locate a batch of report sequences.

    Args:
        ready: model and map.
        batch: reports whose cells index the map's.
        refine_steps: gradient steps of refinement; 0 = none, None = the model's default.
        attention: also return attention weights.
        pixels: also return the posterior at the map's own resolution.
    """
    network, config = ready.model.network, ready.model.config
    reports = ReportTensors.from_batch(batch, ready.maps.device)
    observation = observe(reports, ready.maps, config.noise)
    output = network(observation, ready.scene, ready.tokens, attention)
    found = output.hypotheses
    evidence_BF = evidence_traits(observation, output.observed)
    unrefined = estimate(found, config.calibration.unrefined, evidence_BF)
    fix, refinement = unrefined, None
    settings = config.refinement
    steps = (
        (settings.num_steps if settings.enabled else 0) if refine_steps is None else refine_steps
    )
    if steps > 0 and config.network.use_evidence:
        settings = settings.model_copy(update={"num_steps": steps})
        refined = refine(network, ready.scene, ready.tokens, observation, output, settings)
        evidence_BF = evidence_traits(observation, refined.observed)
        fix = estimate(refined.found, config.calibration.refined, evidence_BF)
        # A confidence rounds to 1; a threshold of 1 means always.
        threshold = settings.min_confidence_threshold
        run_B = (unrefined.confidence_B < threshold) | (threshold >= 1.0)
        fix = Estimate(*_chosen(run_B, fix, unrefined))
        run_B1 = run_B[:, None]
        path_JB2, energy_JB = refined.path_m_JB2, refined.energy_JB
        refinement = RefinementPath(
            torch.where(run_B1, path_JB2, path_JB2[:1]).transpose(0, 1),
            torch.where(run_B, energy_JB, energy_JB[:1]).transpose(0, 1),
        )
        found = Hypotheses(*_chosen(run_B, refined.found, found))
    mean_m_BK2, weight_BK = found.mean_m_BK2, found.log_weight_BK.exp()
    order = found.log_weight_BK.argsort(dim=-1, descending=True)
    map_attention, token_attention = output.map_attention_LBHP, output.token_attention_LBHS
    return Positions(
        fix=fix,
        unrefined=unrefined,
        hypothesis_xy_m_BK2=mean_m_BK2.gather(1, order[..., None].expand(-1, -1, 2)),
        hypothesis_weight_BK=weight_BK.gather(1, order),
        refinement=refinement,
        posterior_BP=output.coarse_logit_BP.softmax(-1),
        pixel_posterior_BYX=(
            pixel_posterior(network, ready.scene, ready.tokens, observation, output, found)
            if pixels
            else None
        ),
        map_attention_BLHP=None if map_attention is None else map_attention.transpose(0, 1),
        token_attention_BLHTN=(
            None
            if token_attention is None
            else _by_report(token_attention, observation, reports.cell_BTN)
        ),
    )


def _chosen(first_B: Tensor, first: Iterable[Tensor], second: Iterable[Tensor]) -> list[Tensor]:
    """The first of two tuples of tensors [B, ...] where told so, else the second."""
    return [
        torch.where(first_B.view(-1, *[1] * (one.dim() - 1)), one, other)
        for one, other in zip(first, second, strict=True)
    ]


def _by_report(token_LBHS: Tensor, observation: Observation, cell_BTN: Tensor) -> Tensor:
    """Attention to tokens (report, cell of the sequence) in the order of the reports' own cells."""
    T, N = cell_BTN.shape[1:]
    slots = observation.cell_BK.shape[1]
    same_BTNK = (cell_BTN[..., None] == observation.cell_BK[:, None, None]) & (
        observation.heard_BK[:, None, None]
    )
    slot_BTN = same_BTNK.to(torch.uint8).argmax(-1)
    index = (torch.arange(T, device=slot_BTN.device)[:, None] * slots + slot_BTN).flatten(1)
    layers, _, heads, _ = token_LBHS.shape
    picked = token_LBHS.gather(-1, index[None, :, None].expand(layers, -1, heads, -1))
    found_BTN = same_BTNK.any(-1)[:, None, None]
    return picked.transpose(0, 1).reshape(-1, layers, heads, T, N) * found_BTN


def estimate(found: Hypotheses, calibration: Calibration, evidence_BF: Tensor) -> Estimate:
    """One position of a mixture: the mean of its heaviest place.

    A place is the hypotheses within `MODE_RADIUS_M` of one of them. The mean over a place has a
    smaller error than its best hypothesis; the mean over everything would lie between places,
    where nobody is.
    """
    mean_m_BK2, weight_BK = found.mean_m_BK2, found.log_weight_BK.exp()
    distance = torch.cdist(mean_m_BK2, mean_m_BK2)
    near = (distance < MODE_RADIUS_M).to(weight_BK.dtype)
    mass_BK = (near @ weight_BK[..., None])[..., 0]
    best = (mass_BK + 1e-3 * weight_BK).argmax(1)
    member = near.gather(1, best[:, None, None].expand(-1, 1, near.shape[-1]))[:, 0] * weight_BK
    confidence = member.sum(1).clamp(1e-9, 1.0)
    share = (member / confidence[:, None])[..., None]
    mean = (share * mean_m_BK2).sum(1)
    apart = mean_m_BK2 - mean[:, None]
    outer = apart[..., :, None] * apart[..., None, :]
    covariance = (share[..., None] * (found.covariance_m2_BK22 + outer)).sum(1)
    trait_BF = traits(confidence, covariance, evidence_BF)
    ellipse_68, ellipse_95, circle = calibration.radii(trait_BF)
    size = torch.sqrt(covariance.diagonal(dim1=-2, dim2=-1).mean(-1))
    return Estimate(mean, covariance, ellipse_68, ellipse_95, circle * size, confidence, trait_BF)


def ellipse_axes(covariance_m2_B22: Tensor, radius_B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Semi-major and semi-minor axis [m] and bearing of the major axis [deg] in [0, 180)."""
    value, vector = torch.linalg.eigh(covariance_m2_B22)
    axis = value.clamp_min(0.0).sqrt() * radius_B[..., None]
    bearing = torch.rad2deg(torch.atan2(vector[..., 0, 1], vector[..., 1, 1]))
    return axis[..., 1], axis[..., 0], torch.remainder(bearing, 180.0)
