"""Calibrated uncertainty: how large an ellipse must be drawn so that it holds what it says.

A covariance has the right shape but not the right size: errors are not Gaussian, and less so where
the phone may be in one of several places or the network is not the one of the map. So the
Mahalanobis radii that hold 68 % and 95 % of the truths are regressed on validation data
(quantile regression, Koenker and Bassett 1978) from what an answer says of itself and what it was
given.

Shape letters: B sequences, F traits, Q quantiles.
"""

from __future__ import annotations

import math

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from rayfix.model.observed import GAIN, Observed
from rayfix.physics.maps import AOA
from rayfix.physics.observation import Observation
from rayfix.physics.report_features import TOA

GAUSSIAN_68 = math.sqrt(-2.0 * math.log(1.0 - 0.68))
GAUSSIAN_95 = math.sqrt(-2.0 * math.log(1.0 - 0.95))
"""Mahalanobis radii of two-dimensional Gaussian ellipses, sqrt(-2 ln(1 - p)) (TS 23.032, 5.3)."""
QUANTILES = (0.68, 0.95, 0.68)
"""Of the ellipse, the ellipse, and the circle."""
SMALLEST_RADIUS, LARGEST_RADIUS = 0.05, 50.0
"""Bounds of a radius: beyond the validation data a regression knows no limits."""
EVIDENCE_TRAITS = (
    "log_reports",
    "toa",
    "timing_advance",
    "aoa",
    "world",
    "log_noise",
    "temperature",
)
TRAITS = (
    "one", "doubt", "doubt_squared", "log_size", "log_size_squared", "doubt_log_size",
    "log_aspect", *EVIDENCE_TRAITS, *(f"doubt_{name}" for name in EVIDENCE_TRAITS),
)  # fmt: skip


class Calibration(BaseModel):
    """Logarithms of Mahalanobis radii, linear in the `TRAITS` of an answer.

    Attributes:
        ellipse_68_F, ellipse_95_F: coefficients of the ellipses that hold 68 % and 95 % of the
            truths.
        circle_68_F: of the accuracy radius over the root mean square of the standard deviations.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ellipse_68_F: tuple[float, ...] = (math.log(GAUSSIAN_68), *[0.0] * (len(TRAITS) - 1))
    ellipse_95_F: tuple[float, ...] = (math.log(GAUSSIAN_95), *[0.0] * (len(TRAITS) - 1))
    circle_68_F: tuple[float, ...] = (math.log(GAUSSIAN_68), *[0.0] * (len(TRAITS) - 1))

    @model_validator(mode="after")
    def _fits(self) -> Calibration:
        for column in (self.ellipse_68_F, self.ellipse_95_F, self.circle_68_F):
            if len(column) != len(TRAITS) or not all(map(math.isfinite, column)):
                raise ValueError(f"every column needs {len(TRAITS)} finite coefficients")
        return self

    def radii(self, trait_BF: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Radii of the 68 % ellipse, the 95 % ellipse and the 68 % circle, each [B]."""
        weight = trait_BF.new_tensor([self.ellipse_68_F, self.ellipse_95_F, self.circle_68_F])
        radius = (trait_BF @ weight.mT).exp().clamp(SMALLEST_RADIUS, LARGEST_RADIUS)
        inner, outer, circle = radius.unbind(-1)
        return inner, torch.maximum(inner, outer), circle


class Calibrations(BaseModel):
    """Of the network's own answer, and of the refined one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unrefined: Calibration = Field(default_factory=Calibration)
    refined: Calibration = Field(default_factory=Calibration)


def evidence_traits(observation: Observation, observed: Observed) -> Tensor:
    """What an answer was given, [B, `EVIDENCE_TRAITS`]: reports, shares of heard cells with a
    quantity, and what the network made of them."""
    heard_B = observation.heard_BK.sum(1).clamp_min(1)

    def share(known_BK: Tensor) -> Tensor:
        return (known_BK & observation.heard_BK).sum(1) / heard_B

    coarse_BK = observation.from_timing_advance_BK
    known_BK = observation.valid_BKF[..., TOA]
    return torch.stack(
        [
            observation.report_BT.sum(1).clamp_min(1).float().log(),
            share(known_BK & ~coarse_BK),
            share(known_BK & coarse_BK),
            share(observation.valid_BKF[..., AOA]),
            observed.world_B,
            observed.single_sigma_BE[:, GAIN].log(),
            observed.temperature_B,
        ],
        -1,
    )


def traits(confidence_B: Tensor, covariance_m2_B22: Tensor, evidence_BF: Tensor) -> Tensor:
    """What a radius is regressed on, [B, `TRAITS`].

    Doubt is log10(1 - confidence), not below -4; size is the root mean square of the two standard
    deviations [m], aspect their ratio.
    """
    doubt = torch.log10((1.0 - confidence_B).clamp_min(1e-4))
    log_size = 0.5 * covariance_m2_B22.diagonal(dim1=-2, dim2=-1).mean(-1).log()
    log_area = 0.5 * torch.linalg.det(covariance_m2_B22).clamp_min(1e-9).log()
    columns = [
        torch.ones_like(doubt), doubt, doubt.square(), log_size, log_size.square(),
        doubt * log_size, 2.0 * log_size - log_area,
    ]  # fmt: skip
    return torch.cat([torch.stack(columns, -1), evidence_BF, doubt[:, None] * evidence_BF], -1)


def fit_calibration(
    error_m_B2: Tensor, covariance_m2_B22: Tensor, trait_BF: Tensor, ridge: float = 1e-4
) -> Calibration:
    """Regress the radii on fixes whose truth is known.

    Args:
        error_m_B2: position minus truth [m].
        covariance_m2_B22: covariance of each fix [m^2].
        trait_BF: `traits` of each fix.
        ridge: penalty on coefficients of standardised traits.
    """
    error, covariance, trait = (part.double() for part in (error_m_B2, covariance_m2_B22, trait_BF))
    solved = torch.linalg.solve(covariance, error)
    mahalanobis = (solved * error).sum(-1).clamp_min(1e-9).sqrt()
    size = covariance.diagonal(dim1=-2, dim2=-1).mean(-1).sqrt()
    target_BQ = torch.stack([mahalanobis, mahalanobis, error.norm(dim=-1) / size], -1)
    target_BQ = target_BQ.clamp_min(1e-4).log()
    mean, spread = trait[:, 1:].mean(0), trait[:, 1:].std(0).clamp_min(1e-6)
    scaled = torch.cat([trait[:, :1], (trait[:, 1:] - mean) / spread], -1)
    quantile = scaled.new_tensor(QUANTILES)
    start = torch.stack([target_BQ[:, q].quantile(p) for q, p in enumerate(QUANTILES)])
    weight = torch.zeros(len(QUANTILES), scaled.shape[1], dtype=scaled.dtype)
    weight[:, 0] = start
    weight.requires_grad_(True)
    optimiser = torch.optim.LBFGS([weight], max_iter=500, line_search_fn="strong_wolfe")
    softness = 0.05  # of the corner of the pinball loss, so that second derivatives exist

    def loss() -> Tensor:
        optimiser.zero_grad()
        above = target_BQ - scaled @ weight.mT
        pinball = quantile * above + softness * torch.nn.functional.softplus(-above / softness)
        value = pinball.mean(0).sum() + ridge * weight[:, 1:].square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    found = weight.detach()
    # The smoothed corner and the ridge shift the quantiles a little: set the constant right.
    found[:, 0] += torch.stack(
        [(target_BQ[:, q] - scaled @ found[q]).quantile(p) for q, p in enumerate(QUANTILES)]
    )
    slope = found[:, 1:] / spread
    constant = found[:, :1] - (slope * mean).sum(-1, keepdim=True)
    ellipse_68, ellipse_95, circle_68 = torch.cat([constant, slope], -1).tolist()
    return Calibration(
        ellipse_68_F=tuple(ellipse_68), ellipse_95_F=tuple(ellipse_95), circle_68_F=tuple(circle_68)
    )
